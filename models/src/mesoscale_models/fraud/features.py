"""What is computed from a payment and from what is remembered of its account: one code path to train and to serve.

`extract` is a pure function over a batch of payments in the order of arrival. A payment sees all payments of its
account that arrived before it, in this batch or any other, and nothing of those after it; so features are the same
however the stream is cut into batches. A test compares them bit by bit.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mesoscale_models import hashing
from mesoscale_models.fraud.arrivals import Arrivals, Bools, Ints
from mesoscale_models.fraud.memory import LOG_STEPS, RING, Memory

VERSION = 1  # of what the names below mean

WINDOWS = {"1m": 60, "10m": 600, "1h": 3600, "24h": 86_400}  # seconds
SESSION_GAP = 30 * 60 * 1_000_000  # µs without a payment end a session
EARTH_RADIUS = 6371.0088  # km, mean radius (IUGG)
GRACE = 60.0  # s added to the time between two uses: two shops of one city can be seconds apart

# By how much people spend there. Trees cut an order, so neighbours are alike.
CATEGORIES = (
    "transport", "digital", "pharmacy", "entertainment", "restaurant", "grocery", "fuel", "fashion", "electronics",
    "travel",
)  # fmt: skip

# Prior of an account's spread: as if so many payments with such a variance of the logarithm had been seen.
_PRIOR_COUNT, _PRIOR_VARIANCE = 4.0, 0.8

READS = ("account", "occurred_at", "amount", "merchant", "category", "country", "latitude", "longitude", "device")
"""Columns of a transaction that are looked at; the label is not among them."""

DESCRIPTIONS = {
    **{f"count_{name}": f"payments of the account in the {name} before" for name in WINDOWS},
    **{
        f"sum_{name}": f"this payment and those of the {name} before, over the account's usual amount"
        for name in WINDOWS
    },
    "amount_ratio": "logarithm of the amount over the account's usual one",
    "amount_z": "the same in standard deviations of the account",
    "amount_to_last": "logarithm of the amount over the last one",
    "amount_to_most": "logarithm of the amount over the largest remembered one",
    "category": "how much people spend at such a merchant, from 0; -1 if the category is not known",
    "new_merchant": "1 if none of the remembered payments was there",
    "new_country": "1 if none of the remembered payments was in this country",
    "new_device": "1 if none of the remembered payments came from this device",
    "merchant_share": "part of the remembered payments at this merchant",
    "country_share": "part of the remembered payments in this country",
    "device_share": "part of the remembered payments from this device",
    "merchant_age": "seconds since the first remembered payment at this merchant",
    "device_age": "seconds since the first remembered payment from this device",
    "merchant_count_1h": "payments at this merchant in the hour before",
    "small_count_1h": "payments in the hour before that were less than a tenth of the usual amount",
    "distance": "km from where the account paid last",
    "speed": "km/h on the way from there, with a minute's grace",
    "gap": "seconds since the last payment",
    "session_count": "payments in this session, with this one; 30 minutes without one end it",
    "session_seconds": "how long the session has lasted",
    "hour": "hour of the day by the sun of the place",
    "seen": "payments of the account before this one",
}
NAMES = tuple(DESCRIPTIONS)


def extract(frame: pl.DataFrame, account: NDArray[np.intp], memory: Memory) -> tuple[NDArray[np.float32], Memory]:
    """Features of payments, and what is remembered afterwards.

    Args:
        frame: payments in the order of arrival, with the columns READS; `occurred_at` as Datetime, `amount` in minor
            units.
        account: for each payment the row of its account in `memory`.
        memory: what is remembered of the accounts of this batch, each of which has a payment in it.

    Returns:
        (payments, NAMES) as float32, NaN where there is nothing to compare with; and the new memory, row by row.
    """
    if frame.is_empty():
        return np.zeros((0, len(NAMES)), np.float32), memory
    arrivals = Arrivals.sort(account)
    at, values = _values(frame, arrivals.order)
    seen = memory["seen"][arrivals.account] + arrivals.rank
    rings = arrivals.rings(memory, values, seen)
    found: dict[str, NDArray[Any]] = {"seen": seen}
    new: dict[str, NDArray[Any]] = {"seen": seen + 1, "last_at": at, "last_amount": values["amounts"].astype(np.int64)}
    known = seen > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        usual = _against_own_history(found, new, arrivals, memory, values, rings, seen)
        _windows(found, values, rings, usual)
        _familiarity(found, values, rings, np.minimum(seen, RING))
        _journey(found, new, arrivals, memory, at, frame)
    _sessions(found, new, arrivals, memory, at, known)
    found["hour"] = (at / 3.6e9 + new["last_longitude"] / 15) % 24
    found["category"] = _category(frame["category"])[arrivals.order]
    features = np.empty((frame.height, len(NAMES)), np.float32)
    for column, name in enumerate(NAMES):
        features[arrivals.order, column] = found[name]
    return features, _remember(memory, arrivals, new, values, seen)


def _values(frame: pl.DataFrame, order: NDArray[np.intp]) -> tuple[Ints, dict[str, NDArray[Any]]]:
    """When each payment was, in µs since 1970, and what of it goes into the rings; by account."""
    at = frame["occurred_at"].dt.epoch("us").to_numpy()[order]
    amount = np.clip(frame["amount"].to_numpy(), 1, np.iinfo(np.int32).max)
    values: dict[str, NDArray[Any]] = {
        "times": np.clip(at // 1_000_000, 0, np.iinfo(np.uint32).max).astype(np.uint32),
        "amounts": amount.astype(np.int32)[order],
        "merchants": hashing.short(frame["merchant"])[order],
        "devices": hashing.short(frame["device"])[order],
        "countries": hashing.short(frame["country"])[order],
    }
    return at, values


def _against_own_history(
    found: dict[str, NDArray[Any]],
    new: dict[str, NDArray[Any]],
    arrivals: Arrivals,
    memory: Memory,
    values: dict[str, NDArray[Any]],
    rings: Memory,
    seen: Ints,
) -> NDArray[np.float64]:
    """The amount beside those before it; returns the account's usual amount, the geometric mean."""
    amount = values["amounts"].astype(np.float64)
    log = np.log(amount)
    steps = np.rint(log * LOG_STEPS).astype(np.int64)
    total = arrivals.total_before(memory["log_sum"], steps)
    squares = arrivals.total_before(memory["log_squares"], steps * steps)
    new["log_sum"], new["log_squares"] = total + steps, squares + steps * steps
    mean = total / seen / LOG_STEPS
    scatter = np.maximum(squares / LOG_STEPS**2 - seen * mean**2, 0)
    spread = np.sqrt((scatter + _PRIOR_COUNT * _PRIOR_VARIANCE) / (seen + _PRIOR_COUNT))
    found["amount_ratio"] = log - mean
    found["amount_z"] = (log - mean) / spread
    last = arrivals.before(memory["last_amount"], new["last_amount"])
    found["amount_to_last"] = np.where(seen > 0, log - np.log(np.maximum(last, 1)), np.nan)
    found["amount_to_most"] = np.where(seen > 0, log - np.log(np.maximum(rings["amounts"].max(axis=1), 1)), np.nan)
    usual: NDArray[np.float64] = np.exp(mean)
    return usual


def _windows(
    found: dict[str, NDArray[Any]], values: dict[str, NDArray[Any]], rings: Memory, usual: NDArray[np.float64]
) -> None:
    """How many payments, and how much, in the time before; at whole seconds, as the ring knows them."""
    amounts, small = rings["amounts"], (usual / 10)[:, None]
    for name, seconds in WINDOWS.items():
        since = values["times"] - np.minimum(values["times"], np.uint32(seconds))
        inside: Bools = rings["times"] > since[:, None]
        found[f"count_{name}"] = _count(inside)
        spent = np.sum(amounts, axis=1, where=inside, dtype=np.int64)
        found[f"sum_{name}"] = (spent + values["amounts"]) / usual
        if name == "1h":
            found["small_count_1h"] = _count(inside & (amounts < small))
            same = rings["merchants"] == values["merchants"][:, None]
            found["merchant_count_1h"] = _count(inside & same)


def _count(marks: Bools) -> NDArray[np.uint8]:
    """How many of each row are true: a ring is 64 wide, so a row is one word."""
    count: NDArray[np.uint8] = np.bitwise_count(np.packbits(marks, axis=1).view(np.uint64)[:, 0])
    return count


def _familiarity(
    found: dict[str, NDArray[Any]], values: dict[str, NDArray[Any]], rings: Memory, remembered: Ints
) -> None:
    """How often the account has been at this merchant, in this country, with this device."""
    for name, ring in (("merchant", "merchants"), ("country", "countries"), ("device", "devices")):
        same = rings[ring] == values[ring][:, None]
        uses = _count(same)
        found[f"{name}_share"] = uses / remembered
        found[f"new_{name}"] = np.where(remembered > 0, uses == 0, np.nan)
        if f"{name}_age" in DESCRIPTIONS:
            first = np.min(rings["times"], axis=1, where=same, initial=np.iinfo(np.uint32).max)
            age = np.maximum(values["times"].astype(np.int64) - first, 0)
            found[f"{name}_age"] = np.where(uses > 0, age, np.nan)


def _journey(
    found: dict[str, NDArray[Any]],
    new: dict[str, NDArray[Any]],
    arrivals: Arrivals,
    memory: Memory,
    at: Ints,
    frame: pl.DataFrame,
) -> None:
    """How far from the last payment, and how fast one would have had to go."""
    latitude = new["last_latitude"] = frame["latitude"].to_numpy()[arrivals.order]
    longitude = new["last_longitude"] = frame["longitude"].to_numpy()[arrivals.order]
    gap = np.maximum(at - arrivals.before(memory["last_at"], at), 0) / 1e6
    distance = _distance(
        arrivals.before(memory["last_latitude"], latitude),
        arrivals.before(memory["last_longitude"], longitude),
        latitude,
        longitude,
    )
    known = memory["seen"][arrivals.account] + arrivals.rank > 0
    found["gap"] = np.where(known, gap, np.nan)
    found["distance"] = np.where(known, distance, np.nan)
    found["speed"] = np.where(known, distance / (gap + GRACE) * 3600, np.nan)


def _distance(
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    to_latitude: NDArray[np.float64],
    to_longitude: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Great-circle distance in km of places in degrees (haversine)."""
    north, east = np.radians(to_latitude - latitude), np.radians(to_longitude - longitude)
    across = np.cos(np.radians(latitude)) * np.cos(np.radians(to_latitude)) * np.sin(east / 2) ** 2
    km: NDArray[np.float64] = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(np.sin(north / 2) ** 2 + across, 1)))
    return km


def _sessions(
    found: dict[str, NDArray[Any]],
    new: dict[str, NDArray[Any]],
    arrivals: Arrivals,
    memory: Memory,
    at: Ints,
    known: Bools,
) -> None:
    """A session goes on until 30 minutes pass without a payment of the account."""
    begins = ~known | (at - arrivals.before(memory["last_at"], at) > SESSION_GAP)
    place = np.arange(at.size)
    # The place where the session begins, or else the account's first payment here, whose session is remembered.
    mark = np.maximum.accumulate(np.where(begins | arrivals.first, place, 0))
    before = np.where(begins[mark], 0, memory["session_count"][arrivals.account])
    count = new["session_count"] = place - mark + 1 + before
    began = new["session_at"] = np.where(begins[mark], at[mark], memory["session_at"][arrivals.account])
    found["session_count"] = count
    found["session_seconds"] = np.maximum(at - began, 0) / 1e6


def _category(category: pl.Series) -> NDArray[np.float64]:
    codes = category.replace_strict(CATEGORIES, range(len(CATEGORIES)), default=-1, return_dtype=pl.Float64)
    return codes.to_numpy()


def _remember(
    memory: Memory,
    arrivals: Arrivals,
    new: dict[str, NDArray[Any]],
    values: dict[str, NDArray[Any]],
    seen: Ints,
) -> Memory:
    """Memory after the batch; of two payments that share a place in a ring, the later one stays."""
    after: Memory = {name: column[arrivals.last] for name, column in new.items()}
    place = seen % RING
    for name, value in values.items():
        ring = after[name] = memory[name].copy()
        ring[arrivals.account, place] = value
    return after
