"""The state as JSON: what `/api/state` answers and the page draws from; pure."""

from datetime import UTC, datetime
from typing import Any

from mesoscale.graph.types import Graph, Node
from mesoscale.ledger import Ledger
from mesoscale.model.stage import Stage
from mesoscale_dashboard import layout
from mesoscale_dashboard.watch import Seen


def graph_as_dict(graph: Graph) -> dict[str, Any]:
    """Nodes with their place in the picture and edges with their contract; fixed while the pipeline runs."""
    places = layout.places(graph)
    return {
        "nodes": [_node(node) | {"place": places[node.name].as_dict()} for node in graph.nodes],
        "edges": [
            {
                "producer": edge.producer,
                "consumers": list(edge.consumers),
                "topic": edge.topic,
                "contract": edge.contract.label,
                "partitions": edge.settings.partitions,
            }
            for edge in graph.edges
        ],
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "kind": node.kind,
        "what": _what(node),
        "input": node.input,
        "output": node.output,
    }


def _what(node: Node) -> str:
    """What it is in the words of the document: `replay`, `table`, the step of a stage."""
    section = node.section
    return (section.use or section.step or section.kind) if isinstance(section, Stage) else section.kind


def state(graph: Graph, drawn: dict[str, Any], seen: Seen) -> dict[str, Any]:
    """The snapshot; `ledger` and `at` are null before the first reading, `away` says what cannot be read."""
    reading = seen.reading
    return {
        "pipeline": graph.pipeline.name,
        "at": datetime.fromtimestamp(reading.at, UTC).isoformat(timespec="milliseconds") if reading else None,
        "ledger": _ledger(reading.ledger) if reading else None,
        "rates": {name: rate.as_dict() for name, rate in seen.rates.items()},
        "tables": seen.tables,
        "graph": drawn,
        "away": list(seen.away),
    }


def _ledger(ledger: Ledger) -> dict[str, Any]:
    return ledger.as_dict() | {"closed": ledger.closed, "drained": ledger.drained}
