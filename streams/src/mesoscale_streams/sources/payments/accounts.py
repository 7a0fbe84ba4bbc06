"""Who pays: an account's home, usual amount, devices and journeys, all drawn from its number.

Nothing is stored per account, so ten million of them take no memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mesoscale_streams.sources.payments import places
from mesoscale_streams.sources.payments.draws import Bits, Draws, Floats, Ints

DAY = 86_400.0  # seconds
BUSIEST = 21.0  # how much more often the busiest account pays than the idlest
CRUISE = 700 / 3600  # km/s, the speed of an honest journey
KM_PER_DEGREE = 111.2  # of a great circle
AWAY_EVERY = 20 * DAY  # an account goes away at most once in this time
AWAY_SHARE = 0.5  # of those times that it does
DEVICE_LIFE = 120 * DAY

# Payments by local hour, relative to the busiest one: little at night, a peak at noon and one in the evening.
RHYTHM = np.array(
    [.10, .06, .04, .03, .03, .06, .15, .35, .55, .60, .65, .80,
     .95, .85, .70, .68, .75, .90, 1.0, .95, .75, .55, .35, .20]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profiles:
    """One account per payment, and what never changes about it."""

    number: Ints
    draws: Draws
    home: Ints
    usual: Floats  # middle of its amounts, in euro cents

    def __getitem__(self, where: NDArray[np.intp]) -> "Profiles":
        """Those of some of the payments."""
        return Profiles(self.number[where], self.draws[where], self.home[where], self.usual[where])


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where accounts are: the city, and how far on the way to it (`under_way`) the place itself."""

    city: Ints
    under_way: NDArray[np.bool_]
    latitude: Floats
    longitude: Floats


def profiles(seed: int, number: Ints) -> Profiles:
    """The accounts of that number."""
    draws = Draws.of(seed, "account", number)
    return Profiles(number, draws, places.home(draws), 2000.0 * np.exp(0.6 * draws.normal("usual")))


def drawn(draws: Draws, accounts: int, name: str = "account") -> Ints:
    """Account numbers from 0 to `accounts` - 1, the low ones more often.

    The weight falls like 1 / (number + accounts / (BUSIEST - 1)): Zipf's law with a flattened head, or else
    a few accounts would pay several times a second.
    """
    share = (BUSIEST ** draws.uniform(name) - 1) / (BUSIEST - 1)
    return (share * accounts).astype(np.int64)


def paying(seed: int, draws: Draws, accounts: int, when: Floats) -> Ints:
    """The account of each honest payment at `when` (seconds since 1970): of four, the first who is awake."""
    chosen = drawn(draws, accounts, "fourth")
    for name in ("third", "second", "first"):
        candidate = drawn(draws, accounts, name)
        clock = places.CLOCK[places.home(Draws.of(seed, "account", candidate))]
        hour = ((when / 3600 + clock) % 24).astype(np.int64)
        chosen = np.where(draws.chance(name + "-awake", RHYTHM[hour]), candidate, chosen)
    return chosen


def whereabouts(profile: Profiles, when: Floats) -> Whereabouts:
    """Where accounts are at `when`: at home, away, or on the way at no more than cruising speed."""
    phase = profile.draws.uniform("journey-phase") * AWAY_EVERY
    turn = np.floor((when + phase) / AWAY_EVERY).astype(np.int64)
    journey = profile.draws.derive("journey", turn)
    away = np.where(journey.chance("goes", AWAY_SHARE), places.elsewhere(journey, profile.home), profile.home)
    north = places.LATITUDE[away] - places.LATITUDE[profile.home]
    east = places.LONGITUDE[away] - places.LONGITUDE[profile.home]
    flight = (np.abs(north) + np.abs(east)) * KM_PER_DEGREE / CRUISE
    leaves = (0.1 + 0.3 * journey.uniform("leaves")) * AWAY_EVERY
    returns = leaves + flight + (0.1 + 0.2 * journey.uniform("stays")) * AWAY_EVERY
    now = when + phase - turn * AWAY_EVERY
    # 0 at home, 1 away; a straight line in degrees, whose length bounds that of the way on the sphere
    pace = 1 / np.maximum(flight, 1)
    on_way = np.clip((now - leaves) * pace, 0, 1) - np.clip((now - returns) * pace, 0, 1)
    return Whereabouts(
        city=np.where(on_way >= 0.5, away, profile.home),
        under_way=(on_way > 0) & (on_way < 1),
        latitude=places.LATITUDE[profile.home] + north * on_way,
        longitude=places.LONGITUDE[profile.home] + east * on_way,
    )


def device(profile: Profiles, payment: Draws, when: Floats) -> Ints:
    """One of the account's devices, each replaced once in DEVICE_LIFE; now and then somebody else's."""
    one = payment.below("device", 1 + profile.draws.below("devices", 3))
    own = profile.draws.derive("device", one)
    generation = ((when + own.uniform("age") * DEVICE_LIFE) / DEVICE_LIFE).astype(np.int64)
    bits = own.derive("generation", generation).bits("name")
    lent = payment.bits("lent-device")
    return _number(np.where(payment.chance("lent", 0.008), lent, bits))


def new_device(draws: Draws) -> Ints:
    """A device that no account has had before."""
    return _number(draws.bits("new-device"))


def _number(bits: Bits) -> Ints:
    return (bits >> np.uint64(16)).astype(np.int64)  # 48 bits: two of a million devices rarely share a name
