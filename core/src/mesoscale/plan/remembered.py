"""What the state of a stage means, in words: two that differ cannot read each other's state."""

from mesoscale.model.stage import Stage
from mesoscale.model.stateful import Aggregate, Feature

FRAUD_MEMORY = 1  # VERSION of what the models' room remembers of an account; a test holds the two together


def of(stage: Stage) -> str:
    """`window of 1h every 1h by station: rows = count(*)`; nothing for a stage that remembers nothing.

    Lateness and the like are not in it: they say when something is told or forgotten, and not what it is.
    """
    words = _words(stage)
    version = stage.state.version if stage.state else 1
    return f"{words} (version {version})" if words and version > 1 else words


def _words(stage: Stage) -> str:
    if one := stage.window:
        every = one.every or one.size
        return f"window of {one.size} every {every} by {', '.join(one.by)}: {_results(one.aggregates)}"
    if session := stage.session:
        return f"session with gap {session.gap} by {', '.join(session.by)}: {_results(session.aggregates)}"
    if rolling := stage.rolling:
        return f"rolling by {', '.join(rolling.by)}: {_results(rolling.features)}"
    if join := stage.join:
        return f"{join.type} join with {join.with_} from {join.before} before to {join.after} after"
    if enrich := stage.enrich:
        return f"{enrich.type} enrichment with {enrich.with_}: {', '.join(enrich.columns) or 'all columns'}"
    if stage.use == "fraud":
        return f"payments of each account, in form {FRAUD_MEMORY}"
    if stage.step and stage.state:
        columns = ", ".join(f"{column.name} {column.type}" for column in stage.state.columns)
        return f"state of {stage.step} by {', '.join(stage.state.key)}: {columns}"
    return ""


def _results(results: tuple[Aggregate, ...] | tuple[Feature, ...]) -> str:
    return ", ".join(
        f"{one.name} = {one.value}" + (f" within {one.within}" if isinstance(one, Feature) else "") for one in results
    )
