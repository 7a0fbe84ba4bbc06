"""The cities where accounts live and pay, and how far apart they are."""

from dataclasses import dataclass

import numpy as np

from mesoscale_streams.sources.payments.draws import Draws, Floats, Ints

EARTH_RADIUS = 6371.0088  # km, mean radius (IUGG)
FAR = 1500.0  # km; nobody gets there between two payments of one sitting


@dataclass(frozen=True, slots=True)
class City:
    """`money` is about how many minor units of the currency make a euro cent, `clock` the hours from UTC."""

    country: str
    latitude: float
    longitude: float
    currency: str
    money: float
    clock: int


CITIES = (
    City("US", 40.71, -74.01, "USD", 1.1, -5),  # New York
    City("US", 41.88, -87.63, "USD", 1.1, -6),  # Chicago
    City("US", 34.05, -118.24, "USD", 1.1, -8),  # Los Angeles
    City("US", 29.76, -95.37, "USD", 1.1, -6),  # Houston
    City("US", 25.76, -80.19, "USD", 1.1, -5),  # Miami
    City("US", 47.61, -122.33, "USD", 1.1, -8),  # Seattle
    City("CA", 43.65, -79.38, "CAD", 1.5, -5),  # Toronto
    City("CA", 49.28, -123.12, "CAD", 1.5, -8),  # Vancouver
    City("MX", 19.43, -99.13, "MXN", 19.0, -6),  # Mexico City
    City("BR", -23.55, -46.63, "BRL", 5.5, -3),  # São Paulo
    City("GB", 51.51, -0.13, "GBP", 0.85, 0),  # London
    City("GB", 55.95, -3.19, "GBP", 0.85, 0),  # Edinburgh
    City("IE", 53.35, -6.26, "EUR", 1.0, 0),  # Dublin
    City("FR", 48.86, 2.35, "EUR", 1.0, 1),  # Paris
    City("DE", 52.52, 13.40, "EUR", 1.0, 1),  # Berlin
    City("DE", 48.14, 11.58, "EUR", 1.0, 1),  # Munich
    City("ES", 40.42, -3.70, "EUR", 1.0, 1),  # Madrid
    City("IT", 41.90, 12.50, "EUR", 1.0, 1),  # Rome
    City("PL", 52.23, 21.01, "PLN", 4.3, 1),  # Warsaw
    City("SE", 59.33, 18.07, "SEK", 11.3, 1),  # Stockholm
    City("ZA", -33.92, 18.42, "ZAR", 20.0, 2),  # Cape Town
    City("IN", 19.08, 72.88, "INR", 90.0, 5),  # Mumbai
    City("JP", 35.68, 139.69, "JPY", 1.6, 9),  # Tokyo; a yen has no cents
    City("AU", -33.87, 151.21, "AUD", 1.65, 10),  # Sydney
)

LATITUDE = np.array([city.latitude for city in CITIES])
LONGITUDE = np.array([city.longitude for city in CITIES])
MONEY = np.array([city.money for city in CITIES])
CLOCK = np.array([city.clock for city in CITIES])
COUNTRY = np.array([city.country for city in CITIES])
CURRENCY = np.array([city.currency for city in CITIES])


def distance(latitude: Floats, longitude: Floats, to_latitude: Floats, to_longitude: Floats) -> Floats:
    """Great-circle distance in km of places in degrees (haversine)."""
    north, east = np.radians(to_latitude - latitude), np.radians(to_longitude - longitude)
    across = np.cos(np.radians(latitude)) * np.cos(np.radians(to_latitude)) * np.sin(east / 2) ** 2
    km: Floats = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.sin(north / 2) ** 2 + across))
    return km


_APART = distance(LATITUDE[:, None], LONGITUDE[:, None], LATITUDE[None, :], LONGITUDE[None, :])
_FAR_COUNT = (_APART >= FAR).sum(axis=1)
_FARTHEST_FIRST = np.argsort(-_APART, axis=1, kind="stable")


def home(draws: Draws) -> Ints:
    """A city to live in."""
    return draws.below("home", len(CITIES))


def elsewhere(draws: Draws, city: Ints) -> Ints:
    """Any other city than `city`."""
    return (city + 1 + draws.below("elsewhere", len(CITIES) - 1)) % len(CITIES)


def far_from(draws: Draws, city: Ints) -> Ints:
    """A city at least FAR from `city`."""
    there: Ints = _FARTHEST_FIRST[city, draws.below("far", _FAR_COUNT[city])]
    return there
