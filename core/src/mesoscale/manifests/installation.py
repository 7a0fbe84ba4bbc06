"""Installation: what one installation of Mesoscale in a cluster decides for all its pipelines, with defaults for all.

The chart writes it as a file for the operator; `meso render --target cluster --installation FILE` reads the same.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from mesoscale.errors import DocumentRefused, Problem, Reason, nearest

VERSION = "0.1.0"  # of the images; a test keeps it that of the packages


def parse(text: str, file: str) -> "Installation":
    """Read an installation from YAML.

    Raises:
        DocumentRefused: it cannot be read, or says what no installation can say; with every problem.
    """
    try:
        given = yaml.safe_load(text) or {}
        return Installation.model_validate(given)
    except yaml.YAMLError as error:
        raise DocumentRefused(Problem(Reason.NOT_YAML, f"{file}: {' '.join(str(error).split())}")) from error
    except ValidationError as error:
        raise DocumentRefused(_problem(found, file) for found in error.errors()) from error


def _problem(found: Mapping[str, Any], file: str) -> Problem:
    place, field = ".".join(map(str, found["loc"])), str(found["loc"][-1]) if found["loc"] else ""
    if found["type"] == "extra_forbidden":
        known = _fields(found["loc"][:-1])
        message = f'{file}: {place}: unknown field "{field}" ({", ".join(known)})'
        return Problem(Reason.UNKNOWN_FIELD, message, hint=nearest(field, known))
    return Problem(Reason.INVALID_VALUE, f"{file}: {place}: {found['msg'][:1].lower()}{found['msg'][1:]}")


def _fields(path: tuple[int | str, ...]) -> list[str]:
    """The names of the fields at a path of names."""
    part: type[BaseModel] = Installation
    for name in path:
        inner = next((field.annotation for field in part.model_fields.values() if field.alias == name), None)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            part = inner
    return [field.alias or name for name, field in part.model_fields.items()]


class Part(BaseModel):
    """What every part of an installation shares."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Images(Part):
    """The images of our programs. `postgresql` empty: CloudNativePG's own default."""

    streams: str = f"mesoscale/streams:{VERSION}"
    dashboard: str = f"mesoscale/streams:{VERSION}"  # one image, two programs
    spark: str = f"mesoscale/spark:{VERSION}"
    postgresql: str = ""


class Kafka(Part):
    """The brokers of pipelines that name none: a Strimzi Kafka in each pipeline's namespace, or brokers elsewhere.

    `port`, `tls` and `authentication` are those of the listener that pipelines use of a Strimzi cluster, and
    `authorization` whether it checks what a user may do; `secret` lies in the namespace of each pipeline and says how
    to log in to `bootstrapServers`.
    """

    cluster: str = "kafka"
    port: int = 9093
    tls: bool = True
    authentication: Literal["tls", "scram-sha-512", "none"] = "tls"
    authorization: bool = True
    bootstrap_servers: str = ""
    secret: str = ""


class Backup(Part):
    """Backups of the databases that we make: by volume snapshots, or by a plugin of CloudNativePG."""

    schedule: str = "0 0 2 * * *"  # CloudNativePG's six fields, seconds first
    volume_snapshot_class: str = ""
    plugin: str = ""
    plugin_parameters: dict[str, str] = {}

    @property
    def target(self) -> bool:
        """Whether there is anywhere for a backup to go."""
        return bool(self.volume_snapshot_class or self.plugin)


class PostgreSQL(Part):
    """The databases that CloudNativePG makes; a document may ask for other `instances` and `storage`."""

    instances: int = 1
    storage: str = "10GiB"
    storage_class: str = ""
    parameters: dict[str, str] = {}
    backup: Backup = Backup()


class Spark(Part):
    """How large the drivers and executors of jobs are; memory in Spark's own words (`1g`).

    Hadoop's libraries end where `user` has no name in the image; 185 has one in images that come from Spark's own.
    """

    version: str = "4.1.4"
    user: int = 185
    cores: int = 1
    core_request: str = "500m"
    driver_memory: str = "1g"
    executor_memory: str = "1g"


class Airflow(Part):
    """Whether Airflow starts the jobs with a schedule, and if so where its workers run and as whom.

    They may then create pods beside the pipeline. Otherwise Spark's operator keeps the schedules.
    """

    enabled: bool = False
    namespace: str = "airflow"
    service_account: str = "airflow-worker"


class Amount(Part):
    """Processor and memory of one container, in Kubernetes' canonical quantities; an empty one is not said."""

    cpu: Annotated[str, Field(pattern=r"^([1-9][0-9]*m?)?$")] = ""
    memory: Annotated[str, Field(pattern=r"^([1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)?)?$")] = ""

    def quantities(self) -> dict[str, str]:
        return {name: amount for name, amount in (("cpu", self.cpu), ("memory", self.memory)) if amount}


class Program(Part):
    """What a program asks for, and what it may have. No processor limit: it would slow a program on an idle node."""

    requests: Amount = Amount(cpu="100m", memory="256Mi")
    limits: Amount = Amount(memory="1Gi")


class Resources(Part):
    """One entry for each kind of program."""

    source: Program = Program()
    stage: Program = Program()
    sink: Program = Program()
    dashboard: Program = Program(requests=Amount(cpu="50m", memory="192Mi"), limits=Amount(memory="512Mi"))
    preparation: Program = Program(requests=Amount(cpu="50m", memory="128Mi"), limits=Amount(memory="512Mi"))
    database: Program = Program(requests=Amount(cpu="200m", memory="512Mi"), limits=Amount(memory="1Gi"))


class Installation(Part):
    """Everything together.

    `monitoringLabels` are those by which a Prometheus or Grafana chooses whom it listens to. `replicasOverride` gives
    every workload that many processes, for measurements.
    """

    images: Images = Images()
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    kafka: Kafka = Kafka()
    postgresql: PostgreSQL = PostgreSQL()
    autoscaling: Literal["keda", "hpa", "none"] = "keda"
    monitoring: bool = True
    monitoring_labels: dict[str, str] = {}
    network_policies: bool = True
    spark: Spark = Spark()
    airflow: Airflow = Airflow()
    operator_namespace: str = "mesoscale-system"
    monitoring_namespace: str = "monitoring"
    database_operator_namespace: str = "cnpg-system"
    resources: Resources = Resources()
    replicas_override: Annotated[int, Field(ge=0)] | None = None
