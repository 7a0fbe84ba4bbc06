"""The contracts that ship with Mesoscale: observation, station, transaction and fraud-score."""

from mesoscale.contract.types import Column, Contract

OBSERVATION = Contract(
    name="observation",
    version=1,
    description="What one weather station measured at one time, in SI units.",
    columns=(
        Column(name="station", type="string", max_length=16, description="station code, as in contract station"),
        Column(
            name="observed_at",
            type="timestamp",
            earliest="1900-01-01T00:00:00Z",
            latest="2100-01-01T00:00:00Z",
            description="time of the observation",
        ),
        Column(name="temperature", type="float64", unit="°C", nullable=True, min=-90, max=60),
        Column(name="dew_point", type="float64", unit="°C", nullable=True, min=-90, max=40),
        Column(name="relative_humidity", type="float64", unit="%", nullable=True, min=0, max=100),
        Column(name="wind_direction", type="float64", unit="°", nullable=True, min=0, max=360),
        Column(name="wind_speed", type="float64", unit="m/s", nullable=True, min=0, max=115),
        Column(name="wind_gust", type="float64", unit="m/s", nullable=True, min=0, max=115),
        Column(name="precipitation", type="float64", unit="mm", nullable=True, min=0, max=500),
        Column(name="pressure", type="float64", unit="hPa", nullable=True, min=850, max=1090),
        Column(name="visibility", type="float64", unit="m", nullable=True, min=0, max=100_000),
    ),
    key=("station",),
    identity=("station", "observed_at"),
    event_time="observed_at",
)

STATION = Contract(
    name="station",
    version=1,
    description="Where a weather station stands.",
    columns=(
        Column(name="station", type="string", max_length=16, description="station code (FAA)"),
        Column(name="name", type="string", max_length=200),
        Column(name="latitude", type="float64", unit="°", min=-90, max=90),
        Column(name="longitude", type="float64", unit="°", min=-180, max=180),
        Column(name="elevation", type="float64", unit="m", nullable=True, min=-500, max=9000),
        Column(name="timezone", type="string", nullable=True, max_length=64),
    ),
    key=("station",),
    identity=("station",),
)

FRAUD_PATTERNS = ("velocity", "takeover", "travel", "card-testing")

TRANSACTION = Contract(
    name="transaction",
    version=1,
    description="One card payment; synthetic ones carry the fraud pattern they were made by.",
    columns=(
        Column(name="transaction_id", type="string", max_length=64),
        Column(name="account", type="string", max_length=64),
        Column(
            name="occurred_at",
            type="timestamp",
            earliest="2000-01-01T00:00:00Z",
            latest="2100-01-01T00:00:00Z",
        ),
        Column(name="amount", type="int64", unit="minor units of the currency", min=1, max=100_000_000),
        Column(name="currency", type="string", pattern="^[A-Z]{3}$"),
        Column(name="merchant", type="string", max_length=64),
        Column(name="category", type="string", max_length=32),
        Column(name="country", type="string", pattern="^[A-Z]{2}$"),
        Column(name="latitude", type="float64", unit="°", min=-90, max=90),
        Column(name="longitude", type="float64", unit="°", min=-180, max=180),
        Column(name="device", type="string", max_length=64),
        Column(
            name="fraud_pattern",
            type="string",
            nullable=True,
            one_of=FRAUD_PATTERNS,
            description="label: how the generator made it fraudulent; null for honest payments",
        ),
    ),
    key=("account",),
    identity=("transaction_id",),
    event_time="occurred_at",
)

SCORE_COLUMNS = (
    Column(name="score", type="float64", min=0, max=1, description="probability of fraud, calibrated"),
    Column(name="alert", type="boolean", description="the score reaches the model's threshold"),
    Column(
        name="reasons",
        type="string",
        max_length=128,
        description="of an alert: what weighs most (velocity, amount, device, merchant, place, hour), comma-separated",
    ),
    Column(name="model", type="string", max_length=64, description="version of the model"),
)
"""What a score adds to the columns of a payment."""

FRAUD_SCORE = Contract(
    name="fraud-score",
    version=1,
    description="A card payment with the probability that it is fraud.",
    columns=(*TRANSACTION.columns, *SCORE_COLUMNS),
    key=TRANSACTION.key,
    identity=TRANSACTION.identity,
    event_time=TRANSACTION.event_time,
)

SHIPPED = {contract.name: contract for contract in (OBSERVATION, STATION, TRANSACTION, FRAUD_SCORE)}
