"""How the payments of an episode differ from what their account would have done, one function per kind."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mesoscale_streams.sources.payments import accounts, merchants, places
from mesoscale_streams.sources.payments.draws import Draws, Floats, Ints
from mesoscale_streams.sources.payments.episodes import Kind, Parts


@dataclass(slots=True)
class Traits:
    """What can be told about each payment; patterns change some of it in place. Amounts are in euro cents."""

    city: Ints
    merchant: Ints
    device: Ints
    amount: Floats
    fixed: NDArray[np.bool_]  # whether the amount is as it stands, not scaled by the merchant's trade
    under_way: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Members:
    """The payments of one kind of episode: their rows, and for each the draws to decide with."""

    rows: NDArray[np.intp]
    episode: Draws
    payment: Draws
    profile: accounts.Profiles
    last: NDArray[np.bool_]


def apply(traits: Traits, parts: Parts, episode: Draws, payment: Draws, profile: accounts.Profiles) -> None:
    """Let each episode's payments after its first one follow their pattern."""
    for kind, pattern in PATTERNS.items():
        rows = np.flatnonzero((parts.kind == kind) & (parts.step > 0))
        if rows.size:
            last = parts.step[rows] == parts.steps[rows] - 1
            pattern(traits, Members(rows, episode[rows], payment[rows], profile[rows], last))


def _velocity(traits: Traits, of: Members) -> None:
    """The number is out: ordinary sums, quickly, at a few shops, half of the time from another device."""
    shop = of.episode.derive("shop", of.payment.below("which", 4))
    traits.merchant[of.rows] = merchants.anyone(shop, traits.city[of.rows])
    traits.amount[of.rows] *= 1.3
    _use_new_device(traits, of, 0.5)


def _card_testing(traits: Traits, of: Members) -> None:
    """Does the card work? Tiny sums, each at another shop, and as the last one a big sum."""
    tiny = 30 + 250 * of.payment.uniform("tiny") ** 2
    big = of.profile.usual * (4 + 8 * of.payment.uniform("big"))
    traits.merchant[of.rows] = merchants.anyone(of.payment, traits.city[of.rows])
    traits.amount[of.rows] = np.where(of.last, big, tiny)
    traits.fixed[of.rows] = True
    _use_new_device(traits, of, 0.6)


def _takeover(traits: Traits, of: Members) -> None:
    """Somebody else is logged in: a new device, mostly another city, and sums the owner does not spend."""
    moves = of.episode.chance("moves", 0.75)
    city = np.where(moves, places.elsewhere(of.episode, of.profile.home), traits.city[of.rows])
    _move(traits, of.rows, city, merchants.anyone(of.payment, city))
    traits.amount[of.rows] *= 1.5 + 4 * of.payment.uniform("greed")
    _use_new_device(traits, of, 1.0)


def _travel(traits: Traits, of: Members) -> None:
    """A copied card: ordinary sums far away from where the owner has just paid."""
    _go_far(traits, of)
    traits.amount[of.rows] *= 1.4
    _use_new_device(traits, of, 0.5)


def _spree(traits: Traits, of: Members) -> None:
    """An afternoon in town, or an evening of online orders: quick, on own devices, now and then a trifle."""
    trifle = of.payment.chance("trifle", 0.25)
    traits.amount[of.rows] = np.where(trifle, 60 + 400 * of.payment.uniform("trifle-sum"), traits.amount[of.rows])
    traits.fixed[of.rows] |= trifle


def _proxy(traits: Traits, of: Members) -> None:
    """The payer sits at home, the address that the shop sees does not."""
    _go_far(traits, of)


def _phone(traits: Traits, of: Members) -> None:
    """A new phone in the owner's hands; some of them were just set up for a big purchase."""
    traits.amount[of.rows] *= np.where(of.episode.chance("purchase", 0.3), 3.0, 1.0)
    _use_new_device(traits, of, 1.0)


PATTERNS: dict[Kind, Callable[[Traits, Members], None]] = {
    Kind.VELOCITY: _velocity,
    Kind.CARD_TESTING: _card_testing,
    Kind.TAKEOVER: _takeover,
    Kind.TRAVEL: _travel,
    Kind.SPREE: _spree,
    Kind.PROXY: _proxy,
    Kind.NEW_DEVICE: _phone,
}


def _use_new_device(traits: Traits, of: Members, probability: float) -> None:
    """One device for the whole episode, in `probability` of all episodes."""
    new = of.episode.chance("has-device", probability)
    traits.device[of.rows] = np.where(new, accounts.new_device(of.episode), traits.device[of.rows])


def _go_far(traits: Traits, of: Members) -> None:
    city = places.far_from(of.episode, traits.city[of.rows])
    _move(traits, of.rows, city, merchants.anyone(of.payment, city))


def _move(traits: Traits, rows: NDArray[np.intp], city: Ints, merchant: Ints) -> None:
    traits.city[rows] = city
    traits.merchant[rows] = merchant
    traits.under_way[rows] = False  # who is seen in a city is not seen on the way to another
