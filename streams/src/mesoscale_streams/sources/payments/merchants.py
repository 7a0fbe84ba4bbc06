"""Where money is spent: the merchants of a city, their trades and places, and who goes to which."""

from dataclasses import dataclass

import numpy as np

from mesoscale_streams.sources.payments import places
from mesoscale_streams.sources.payments.draws import Draws, Floats, Ints

PER_CITY = 2000
REGULAR = 12  # merchants of a city that an account goes back to
SPREAD = 0.09  # degrees, standard deviation of merchants around the middle of their city: about 10 km


@dataclass(frozen=True, slots=True)
class Trade:
    """`level` scales amounts; `share` is the part of merchants."""

    name: str
    level: float
    share: float


TRADES = (
    Trade("grocery", 1.2, 0.22),
    Trade("restaurant", 1.1, 0.20),
    Trade("transport", 0.3, 0.10),
    Trade("fuel", 1.8, 0.07),
    Trade("fashion", 2.2, 0.10),
    Trade("electronics", 4.5, 0.06),
    Trade("pharmacy", 0.7, 0.06),
    Trade("entertainment", 1.0, 0.07),
    Trade("digital", 0.4, 0.08),
    Trade("travel", 7.0, 0.04),
)

TRADE = np.array([trade.name for trade in TRADES])
LEVEL = np.array([trade.level for trade in TRADES])
_CUMULATED = np.cumsum([trade.share for trade in TRADES])


@dataclass(frozen=True, slots=True)
class Merchants:
    """One merchant per payment."""

    number: Ints
    trade: Ints
    latitude: Floats
    longitude: Floats


def regular(account: Draws, payment: Draws, city: Ints) -> Ints:
    """A merchant of `city`: most often a favourite of the account, sometimes one it has never seen."""
    favourite = (payment.uniform("favourite") ** 2 * REGULAR).astype(np.int64)
    known = account.derive("merchant", city * REGULAR + favourite).below("of-city", PER_CITY)
    return city * PER_CITY + np.where(payment.chance("try", 0.2), payment.below("new", PER_CITY), known)


def anyone(payment: Draws, city: Ints) -> Ints:
    """Any merchant of `city`."""
    return city * PER_CITY + payment.below("anyone", PER_CITY)


def describe(seed: int, number: Ints) -> Merchants:
    """Trade and place of merchants."""
    draws = Draws.of(seed, "merchant", number)
    city = number // PER_CITY
    trade = np.minimum(np.searchsorted(_CUMULATED, draws.uniform("trade"), side="right"), len(TRADES) - 1)
    return Merchants(
        number,
        trade,
        places.LATITUDE[city] + SPREAD * draws.normal("latitude"),
        places.LONGITUDE[city] + SPREAD * draws.normal("longitude"),
    )
