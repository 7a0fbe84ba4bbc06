"""Secrets that a document names: on this machine, files below `.meso/secrets`, as a cluster mounts a Secret."""

from collections.abc import Mapping
from pathlib import Path

from mesoscale import bindings
from mesoscale.bindings import WEBHOOK, Webhook
from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale.graph.types import Graph
from mesoscale.model.sink import Sink
from mesoscale_local.home import Home


def webhooks(graph: Graph, home: Home) -> Mapping[str, Webhook]:
    """Name → the secret, of those that webhooks name.

    Raises:
        ServiceUnavailable: one is not there, or lacks an entry that is needed.
    """
    hooks = [(node.name, node.section.webhook) for node in graph.nodes if isinstance(node.section, Sink)]
    asked = {name: hook for name, hook in hooks if hook is not None}
    found = bindings.parse(
        {
            f"{WEBHOOK}{file.parent.name}/{file.name}": file.read_text(errors="replace")
            for secret in {hook.secret for hook in asked.values()}
            for file in (home.secrets / secret).glob("*")
            if file.is_file()
        }
    )
    if lacking := [
        _missing(name, home.secrets / hook.secret) for name, hook in asked.items() if hook.secret not in found.webhooks
    ]:
        raise ServiceUnavailable(lacking)
    for name, hook in asked.items():
        found.demand_webhook(name, hook.secret, hook.url)
    return found.webhooks


def _missing(sink: str, folder: Path) -> Problem:
    message = f'"{sink}" signs what it sends by the secret {folder.name}, and {folder} has no file key'
    made = f"mkdir -p {folder} && printf 'whsec_%s' \"$(openssl rand -base64 32)\" > {folder}/key"
    return Problem(Reason.SERVICE_FAILED, message, hint=f"{made}; its file url says where the receiver is")
