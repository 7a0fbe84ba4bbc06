"""What Kafka refuses a program that ends, as a person is told it."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale_streams.work import BeginAgain

SHUT_OUT = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)


@contextmanager
def told(what: str) -> Iterator[None]:
    """`what` follows "Kafka did not".

    Raises:
        ServiceUnavailable: instead of an error of the client's.
    """
    try:
        yield
    except KafkaException as error:
        shut_out = error.args[0].code() in SHUT_OUT
        why = "another process has begun the same and goes on alone" if shut_out else error.args[0].str()
        hint = "what was done before is done; call it again to go on" if shut_out else ""
        raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, f"Kafka did not {what}: {why}", hint=hint)) from error
    except BeginAgain as error:
        raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, f"Kafka did not {what}: {error}")) from error
