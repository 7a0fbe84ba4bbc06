"""Payments as a frame of contract `transaction`: any stretch of the stream, made by itself."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from mesoscale.contract import catalogue
from mesoscale_streams.sources.payments import accounts, merchants, patterns, places
from mesoscale_streams.sources.payments.draws import Draws, Floats, Ints
from mesoscale_streams.sources.payments.episodes import LABELS, Episodes, Kind, Parts

DELAY = 2.0  # seconds from occurring to arriving, at most; so event times are slightly out of order
_LEAST, _MOST = 1, 100_000_000  # minor units, as the contract allows
_COLUMNS = [column.name for column in catalogue.TRANSACTION.columns]
_CATEGORY = pl.Series(merchants.TRADE)
_COUNTRY = pl.Series(places.COUNTRY)
_CURRENCY = pl.Series(places.CURRENCY)
_LABEL = pl.Series([LABELS.get(kind) for kind in Kind])


@dataclass(frozen=True)
class Stream:
    """All payments of a `synthetic:` section; number 0 arrives at `origin` (seconds since 1970)."""

    episodes: Episodes
    origin: float

    def make(self, start: int, end: int) -> pl.DataFrame:
        """Payments `start` to `end` - 1, in the order of arrival and with the columns of the contract."""
        seed = self.episodes.seed
        index = np.arange(start, end, dtype=np.int64)
        payment = Draws.of(seed, "payment", index)
        when = self.origin + index / self.episodes.per_second
        parts = self.episodes.parts(index)
        episode = self.episodes.draws(parts)
        profile = accounts.profiles(seed, self._payers(parts, episode, payment, when))
        where = accounts.whereabouts(profile, when)
        traits = _ordinary(profile, payment, where, when)
        patterns.apply(traits, parts, episode, payment, profile)
        shop = merchants.describe(seed, traits.merchant)
        return _frame(seed, index, when - DELAY * payment.uniform("delay") ** 3, profile, traits, shop, where, parts)

    def _payers(self, parts: Parts, episode: Draws, payment: Draws, when: Floats) -> Ints:
        """The account of each payment; all payments of an episode are one account's."""
        many = self.episodes.accounts
        plain = accounts.paying(self.episodes.seed, payment, many, when)
        return np.where(parts.kind == Kind.PLAIN, plain, accounts.drawn(episode, many))


def _ordinary(profile: accounts.Profiles, payment: Draws, where: accounts.Whereabouts, when: Floats) -> patterns.Traits:
    """What each account does when nothing is the matter."""
    rare = np.where(payment.chance("treat", 0.012), 4 + 6 * payment.uniform("treat-size"), 1.0)
    return patterns.Traits(
        city=where.city.copy(),
        merchant=merchants.regular(profile.draws, payment, where.city),
        device=accounts.device(profile, payment, when),
        amount=profile.usual * np.exp(0.7 * payment.normal("amount")) * rare,
        fixed=np.zeros(when.size, dtype=np.bool_),
        under_way=where.under_way.copy(),
    )


def _frame(
    seed: int,
    index: Ints,
    occurred: Floats,
    profile: accounts.Profiles,
    traits: patterns.Traits,
    shop: merchants.Merchants,
    where: accounts.Whereabouts,
    parts: Parts,
) -> pl.DataFrame:
    level = np.where(traits.fixed, 1.0, merchants.LEVEL[shop.trade])
    amount = np.rint(traits.amount * level * places.MONEY[profile.home])
    text = pl.DataFrame(
        {
            "index": index,
            "account": profile.number,
            "occurred": (occurred * 1000).astype(np.int64),
            "merchant": shop.number,
            "device": traits.device,
        }
    ).select(
        transaction_id=pl.format(f"tx-{seed}-{{}}", "index"),
        account=pl.format("account-{}", "account"),
        occurred_at=pl.from_epoch("occurred", time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
        merchant=pl.format("merchant-{}", "merchant"),
        device=pl.format("device-{}", "device"),
    )
    return text.with_columns(
        amount=pl.Series(np.clip(amount, _LEAST, _MOST).astype(np.int64)),
        currency=_CURRENCY.gather(profile.home),
        category=_CATEGORY.gather(shop.trade),
        country=_COUNTRY.gather(traits.city),
        latitude=pl.Series(np.where(traits.under_way, where.latitude, shop.latitude).round(5)),
        longitude=pl.Series(np.where(traits.under_way, where.longitude, shop.longitude).round(5)),
        fraud_pattern=_LABEL.gather(np.where(parts.fraud, parts.kind, Kind.PLAIN)),
    ).select(_COLUMNS)
