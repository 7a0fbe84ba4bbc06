"""Cluster, Database and ScheduledBackup (CloudNativePG): the PostgreSQL of a pipeline that brings none."""

from typing import Any

from mesoscale import naming
from mesoscale.manifests import quantities
from mesoscale.manifests.installation import Backup
from mesoscale.manifests.target import Target
from mesoscale.manifests.types import DATA, Child, Manifest
from mesoscale.model.base import DeletionPolicy

API = "postgresql.cnpg.io/v1"
NAME = "mesoscale"  # of the database and of who owns it; the pipeline's tables lie in a schema of its own name
AUTHORITY = "ca.crt"  # of whoever signed the server's certificate
LOGIN = ("dbname", "host", "password", "port", "username")  # entries of the Secret that CloudNativePG makes


def children(target: Target) -> list[Child]:
    """The cluster and what belongs to it; none where rows go into a database of the user's own, or there are none."""
    if not made(target):
        return []
    policy = _policy(target)
    backup = target.installation.postgresql.backup
    return [
        Child(_cluster(target), "DatabaseReady", DATA, data=True, policy=policy),
        Child(_database(target, policy), "DatabaseReady", DATA, data=True, policy=policy),
        *([Child(_scheduled_backup(target, backup), "DatabaseReady")] if backup.target else []),
    ]


def used(target: Target) -> bool:
    """Whether any rows go into PostgreSQL."""
    return bool(target.plan.tables)


def made(target: Target) -> bool:
    """Whether the database is one that we make."""
    return used(target) and target.graph.pipeline.spec.services.postgresql.secret is None


def name(target: Target) -> str:
    return target.name("database")


def login_secret(target: Target) -> str:
    """The Secret that says how to reach the database and log in."""
    return target.graph.pipeline.spec.services.postgresql.secret or f"{name(target)}-app"


def authority_secret(target: Target) -> str:
    """The Secret with the certificate that a database of ours shows its own by."""
    return f"{name(target)}-ca"


def entries(target: Target, folder: str) -> dict[str, str]:
    """Those of the service binding which are no secret; `folder` is where the binding is mounted."""
    if not used(target):
        return {}
    encrypted = {"sslmode": "verify-full", "sslrootcert": f"{folder}/{AUTHORITY}"} if made(target) else {}
    return {"type": "postgresql", **encrypted}


def _cluster(target: Target) -> Manifest:
    asked, installed = target.graph.pipeline.spec.services.postgresql, target.installation.postgresql
    storage = {"size": quantities.binary(asked.storage or installed.storage)}
    storage |= {"storageClass": installed.storage_class} if installed.storage_class else {}
    manifest = target.manifest(API, "Cluster", name(target), "database")
    manifest["spec"] = {
        "instances": asked.instances or installed.instances,
        "bootstrap": {"initdb": {"database": NAME, "owner": NAME, "dataChecksums": True}},
        "storage": storage,
        "resources": quantities.resources(target.installation.resources.database),
    }
    manifest["spec"] |= {"imageName": image} if (image := target.installation.images.postgresql) else {}
    manifest["spec"] |= {"postgresql": {"parameters": installed.parameters}} if installed.parameters else {}
    return manifest | {"spec": manifest["spec"] | _backup(installed.backup)}


def _backup(backup: Backup) -> dict[str, Any]:
    """What a cluster has to know of where its backups go."""
    if backup.plugin:
        parameters = {"parameters": backup.plugin_parameters} if backup.plugin_parameters else {}
        return {"plugins": [{"name": backup.plugin, "isWALArchiver": True, "enabled": True, **parameters}]}
    if backup.volume_snapshot_class:
        return {"backup": {"volumeSnapshot": {"className": backup.volume_snapshot_class}}}
    return {}


def _database(target: Target, policy: DeletionPolicy) -> Manifest:
    """The schema of the pipeline stands here too, so that its owner is right before the first table is made."""
    schema = naming.sql_name(target.pipeline)
    manifest = target.manifest(API, "Database", name(target), "database")
    manifest["spec"] = {
        "cluster": {"name": name(target)},
        "name": NAME,
        "owner": NAME,
        "ensure": "present",
        "databaseReclaimPolicy": "delete" if policy == "delete" else "retain",
        "schemas": [{"name": schema, "owner": NAME, "ensure": "present"}],
    }
    return manifest


def _scheduled_backup(target: Target, backup: Backup) -> Manifest:
    manifest = target.manifest(API, "ScheduledBackup", name(target), "database")
    method = {"method": "plugin", "pluginConfiguration": {"name": backup.plugin}} if backup.plugin else {}
    manifest["spec"] = {
        "cluster": {"name": name(target)},
        "schedule": backup.schedule,
        "backupOwnerReference": "none",
        "method": "volumeSnapshot",
        **method,
    }
    return manifest


def _policy(target: Target) -> DeletionPolicy:
    """The database goes, or is given up, only where every table in it may; otherwise it stays."""
    spec = target.graph.pipeline.spec
    asked = {(sink.table.deletion_policy or spec.deletion_policy) for sink in spec.sinks if sink.table is not None}
    return asked.pop() if len(asked) == 1 else "retain"
