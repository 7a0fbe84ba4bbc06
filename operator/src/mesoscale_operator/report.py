"""What a reconcile found and did → the document's status, written once and only when it changed, and Events."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import orjson
import pydantic

from mesoscale import conditions, naming
from mesoscale.errors import Reason
from mesoscale.manifests.types import Key
from mesoscale.model.status import Status
from mesoscale_operator import errors
from mesoscale_operator.apply import Done
from mesoscale_operator.children import Children
from mesoscale_operator.dashboards import EVERY, Dashboards, Totals
from mesoscale_operator.decide import Apply, Leave, Release, Remove, Step
from mesoscale_operator.documents import RESOURCE, Document, Documents
from mesoscale_operator.events import Events
from mesoscale_operator.kube import Kube
from mesoscale_operator.metrics import Metrics
from mesoscale_operator.planning import DASHBOARD
from mesoscale_operator.plans import Verdict
from mesoscale_operator.states import Ending, Told, tell
from mesoscale_operator.workers import Result

logger = logging.getLogger(__name__)


class Reporter:
    """Writes statuses and says Events."""

    def __init__(
        self,
        kube: Kube,
        documents: Documents,
        children: Children,
        dashboards: Dashboards,
        events: Events,
        metrics: Metrics,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._kube = kube
        self._documents = documents
        self._children = children
        self._dashboards = dashboards
        self._events = events
        self._metrics = metrics
        self._now = now

    async def report(self, document: Document, verdict: Verdict, steps: Sequence[Step], done: Sequence[Done]) -> Result:
        """Tell what there is to tell, and say what of it asks for another look."""
        self._say(document, verdict, steps, done)
        told = tell(verdict.kept, self._children.of(document.key), steps, done) if verdict.kept else ()
        shows = verdict.kept is not None and self._shows(document)
        totals = await self._dashboards.totals(document.key, _dashboard(document)) if shows else None
        await self._write(document, self._status(document, verdict, told, totals))
        problems = tuple(one.problem for one in done if one.problem is not None)
        # One that does not answer yet is asked again too: nothing else might happen that brings the document back.
        return Result(problems, EVERY if shows else None)

    async def end(self, document: Document, result: Result, ending: Ending | None) -> Result:
        """Tell how far a teardown is; that this cannot be told holds nothing up."""
        if ending is not None:
            status = conditions.ending(
                previous=_previous(document),
                generation=document.generation,
                reason=ending.reason,
                message=ending.message,
                next_step=ending.next_step,
                children=[(one.key, one.condition, one.state) for one in ending.told],
                now=self._stamp(),
            )
            try:
                await self._write(document, status)
            except errors.ApiError as refusal:
                logger.info("%s: its status was not written: %s", document.key, refusal)
        for problem in result.problems:
            self._say_problem(document, problem)
        return result

    def _status(self, document: Document, verdict: Verdict, told: tuple[Told, ...], totals: Totals | None) -> Status:
        return conditions.report(
            previous=_previous(document),
            generation=document.generation,
            accepted=verdict.refused,
            children=[(one.key, one.condition, one.state) for one in told],
            totals=totals,
            endpoints=verdict.kept.endpoints if verdict.kept else (),
            now=self._stamp(),
            pause=verdict.kept.pause if verdict.kept else (),
        )

    def _stamp(self) -> str:
        return datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _write(self, document: Document, status: Status) -> None:
        new = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        old = orjson.loads(document.status)
        if new == old:
            return
        patch = dict.fromkeys(old.keys() - new.keys()) | new
        body = {"metadata": {"uid": document.uid}, "status": patch}
        try:
            self._documents.see(
                await self._kube.merge(RESOURCE, document.key.namespace, document.key.name, body, "status")
            )
        except (errors.NotFound, errors.Conflict):
            # The document ended, or another took its name: its own event follows.
            return

    def _shows(self, document: Document) -> bool:
        """Whether the document's dashboard runs."""
        record = self._children.of(document.key).get(Key("apps/v1", "Deployment", _dashboard(document)))
        return record is not None and record.running

    def _say(self, document: Document, verdict: Verdict, steps: Sequence[Step], done: Sequence[Done]) -> None:
        for problem in verdict.refused:
            self._events.say(document, problem.reason, problem.message, warning=True)
        for step in steps:
            self._say_of_step(document, step)
        for one in done:
            if one.problem is not None:
                self._say_problem(document, one.problem)
            if one.adopted and isinstance(one.step, Apply):
                self._events.say(document, Reason.ADOPTED, f"took over {_named(one.step.wanted.key)}")

    def _say_problem(self, document: Document, problem: errors.ApiError) -> None:
        if problem.told is not None:
            self._events.say(document, problem.told, str(problem), warning=True)

    def _say_of_step(self, document: Document, step: Step) -> None:
        match step:
            case Apply(wanted, why="drifted"):
                self._metrics.repaired.labels("revert").inc()
                self._events.say(document, Reason.DRIFT, f"put right {_named(wanted.key)}, which somebody had changed")
            case Apply(wanted, why="lost"):
                self._metrics.repaired.labels("revert").inc()
                self._events.say(document, Reason.DRIFT, f"made {_named(wanted.key)} anew, which had been deleted")
            case Leave(key, why="lost"):
                self._events.say(document, Reason.DRIFT, f"{_named(key)} is being deleted, and made anew then")
            case Leave(key, why="drifted"):
                self._metrics.repaired.labels("report").inc()
                self._events.say(document, Reason.DRIFT, f"somebody changed {_named(key)}", warning=True)
            case Remove(key) | Release(key):
                word = "removed" if isinstance(step, Remove) else "let go of"
                self._events.say(document, Reason.PRUNED, f"{word} {_named(key)}, which the document no longer names")


def _dashboard(document: Document) -> str:
    return naming.object_name(document.key.name, DASHBOARD)


def _named(key: Key) -> str:
    return f"{key.kind} {key.name}"


def _previous(document: Document) -> Status | None:
    try:
        return Status.model_validate_json(document.status)
    except pydantic.ValidationError:
        # Written by an older version, or by hand: begin anew.
        return None
