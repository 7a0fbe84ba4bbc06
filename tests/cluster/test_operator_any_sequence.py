"""Whatever is done to a document and its objects, in whatever order: what is there afterwards is what the plan says.

Hypothesis makes sequences of changes, and a model beside them knows what must come of it. `MESO_SEQUENCES=50` tries so
many; a failing one is printed, and `@reproduce_failure` plays it again.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fix_operator import NO_PODS, Forked, World, document
from fix_proxy import Call
from hypothesis import HealthCheck, Phase, event, example, given, settings
from hypothesis import strategies as st

from mesoscale import diff
from mesoscale.errors import MesoscaleError, Reason
from mesoscale.manifests import fields, installation
from mesoscale.manifests.types import Key
from mesoscale.model.pipeline import API_VERSION, KIND
from mesoscale_operator import decide, documents, errors, planning
from mesoscale_operator.kube import Object
from mesoscale_operator.planning import Planned

EXAMPLES = int(os.environ.get("MESO_SEQUENCES", "4"))
LONGEST = 8  # changes of one sequence
DOCUMENT = Key(API_VERSION, KIND, "nyc")
MAP = Key("v1", "ConfigMap", "nyc-document")
INSTALLED = installation.parse(NO_PODS, "installation")
WRONG = {"models": [{"name": "fraud", "use": "fraud"}]}  # right by its schema, and nothing runs it yet
POLICIES = st.sampled_from(("retain", "delete", "orphan"))
REPLAY = {"contract": "observation", "replay": {"dataset": "nyc-2013"}}

Change = tuple[str, Any]


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """A document that is right by itself, from few names, so that nodes go and come back."""
    partitions = draw(st.sampled_from((None, None, 12, 24)))
    topic = {"topic": {"partitions": partitions, "deletionPolicy": draw(POLICIES)}} if partitions else {}
    sources = [{"name": "weather", **REPLAY, **topic}]
    if more := draw(st.booleans()):
        sources.append({"name": "more", **REPLAY})
    stages = []
    if draw(st.booleans()):
        scale = {"scale": {"min": 1, "max": draw(st.integers(1, 3))}} if draw(st.booleans()) else {}
        stages.append({"name": "copy", "from": "weather", "use": "forward", **scale})
    ends = [node["name"] for node in (*sources, *stages)]
    names = draw(st.lists(st.sampled_from(("rows", "other")), unique=True))
    sinks = [{"name": name, "from": draw(st.sampled_from(ends)), "table": draw(tables())} for name in names]
    jobs = [{"name": "daily", "program": "jobs/daily.py"}] if draw(st.booleans()) else []
    whole = {"sources": sources, "stages": stages, "sinks": sinks, "jobs": jobs}
    whole |= {"deletionPolicy": draw(POLICIES), "driftPolicy": draw(st.sampled_from(("revert", "report")))}
    whole |= {"pause": draw(st.sampled_from(([], [], ["data"], ["reconcile"])))}
    return whole | ({"slo": {"maxLag": draw(st.integers(1, 3))}} if more else {})


def tables() -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(({}, {"deletionPolicy": "delete"}, {"indexes": [["station"]]}))


CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.tuples(st.just("apply"), specs()),
    st.tuples(st.just("apply"), specs()),
    st.tuples(st.just("spoil"), st.sampled_from(([], ["reconcile"]))),
    st.tuples(st.just("drift"), st.integers(0, 99)),
    st.tuples(st.just("delete"), st.integers(0, 99)),
    st.tuples(st.just("restart"), st.none()),
)


@dataclass
class Model:
    """What must be there."""

    kept: Planned | None = None  # the last good plan that was carried out
    spec: dict[str, Any] = field(default_factory=dict)  # of the document as it is
    planned: Planned | None = None  # what the document asks for now, unless it is refused
    paused: bool = False
    drifted: set[Key] = field(default_factory=set)
    left: set[Key] = field(default_factory=set)  # of earlier documents, kept for their data
    free: set[Key] = field(default_factory=set)  # nobody's any more

    def applied(self, live: Object) -> None:
        """The document is so now."""
        self.spec = live["spec"]
        self.paused = "reconcile" in self.spec.get("pause", ())
        self.planned = self._judge(live)
        if self.planned is not None and not self.paused:
            self._carry_out(self.planned)

    def _judge(self, live: Object) -> Planned | None:
        seen = documents.from_object(live)
        try:
            planned = planning.plan(seen, seen.text, INSTALLED)
        except MesoscaleError:
            return None
        return None if self.kept and diff.diff(self.kept.plan, planned.plan).forbidden else planned

    def _carry_out(self, planned: Planned) -> None:
        named = {one.key for one in planned.wanted}
        for one in self.kept.wanted if self.kept else ():
            if one.key not in named and decide.holds_data(one.key):
                {"retain": self.left, "orphan": self.free, "delete": set[Key]()}[one.policy].add(one.key)
        self.left -= named
        self.free -= named
        self.kept = planned

    @property
    def reports(self) -> bool:
        """What somebody changes is only told."""
        return self.kept is not None and self.kept.pipeline.spec.drift_policy == "report"


class Play:
    """One sequence of changes, and what must hold after each of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._model = Model()
        self._doing: dict[str, Callable[[Any], Awaitable[None]]] = {
            "apply": self._apply,
            "spoil": self._spoil,
            "drift": self._drift,
            "delete": self._delete,
            "restart": self._restart,
        }

    async def run(self, changes: list[Change]) -> None:
        self._world.start(of=Forked)
        for what, how in [("apply", document()["spec"]), *changes]:
            event(what)
            before = len(self._changes)
            await self._doing[what](how)
            try:
                await self._world.until(self._is_right, 30)
            except AssertionError as late:
                raise AssertionError(self.wrong) from late
            if self._model.paused:
                await asyncio.sleep(1)
                assert len(self._changes) == before, self._changes[before:]
            await self._world.settled(every=0.3)
            assert not await self._wrong()
        await self._end()

    @property
    def _changes(self) -> list[Call]:
        return [call for call in self._world.proxy.changes if not call.path.endswith("/status")]

    async def _apply(self, spec: dict[str, Any]) -> None:
        try:
            self._model.applied(await self._world.apply(document(**spec)))
        except errors.Invalid:
            event("refused by the API server")

    async def _spoil(self, pause: list[str]) -> None:
        await self._apply({**self._model.spec, **WRONG, "pause": pause})

    async def _drift(self, index: int) -> None:
        key = await self._one(index)
        await self._world.edit(key, {"metadata": {"labels": {"app.kubernetes.io/part-of": "else"}}})
        self._model.drifted.add(key)

    async def _delete(self, index: int) -> None:
        if (key := await self._one(index)) != MAP or not self._model.paused:  # which would lose the last good document
            await self._world.delete(key)

    async def _one(self, index: int) -> Key:
        assert self._model.kept is not None
        wanted = sorted({one.key for one in self._model.kept.wanted} & (await self._world.children()).keys())
        return wanted[index % len(wanted)]

    async def _restart(self, _: None) -> None:
        self._world.operators[-1].kill()
        operator = self._world.start(of=Forked)

        async def works() -> bool:
            return operator.metric("meso_operator_reconcile_duration_seconds_count") > 0

        await self._world.until(works, 30)

    async def _is_right(self) -> bool:
        if self._world.operators[-1].ended is not None:  # it lost its Lease, as it may on a busy machine
            self._world.start(of=Forked)
        self.wrong = await self._wrong()
        return not self.wrong

    async def _wrong(self) -> str:
        """What is not as it must be."""
        model, there = self._model, await self._world.children()
        accepted = await self._world.condition("Accepted")
        if accepted.get("status") != ("True" if model.planned else "False"):
            return f"Accepted: {accepted}"
        if model.paused or model.kept is None:
            return ""
        wanted = {one.key: one for one in model.kept.wanted}
        if strange := there.keys() ^ (wanted.keys() | model.left):
            return f"too many or too few: {strange}"
        told = model.drifted if model.reports else set()
        other = [key for key, one in wanted.items() if key not in told and fields.managed(there[key]) != one.digest]
        lost = [key for key in model.free if await self._world.get(key) is None]
        return f"changed: {other}, lost: {lost}" if other or lost else ""

    async def _end(self) -> None:
        """Delete the document: data goes by its policy, everything else goes."""
        model, before = self._model, await self._world.children()
        says = {one.key: one.policy for one in model.planned.wanted} if model.planned else {}
        noted = {one.key: one.policy for one in model.kept.wanted} if model.kept else {}
        policies = dict.fromkeys(model.left, "retain") | noted | says
        await self._world.delete(DOCUMENT)
        await self._world.until(self._gone, 60)
        left = await self._world.children()
        assert left.keys() == {key for key in before if decide.holds_data(key) and policies[key] == "retain"}
        for key in before:
            stays = decide.holds_data(key) and policies[key] in ("retain", "orphan")
            assert (await self._world.get(key) is not None) == stays, key
        told = {one["reason"] for one in await self._world.events() if "mesoscale" in one["reportingController"]}
        assert told <= set(Reason)

    async def _gone(self) -> bool:
        return await self._world.document() is None


@pytest.mark.timeout(900)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink one would take an hour
    suppress_health_check=list(HealthCheck),
)
@example(changes=[("spoil", ["reconcile"]), ("drift", 48)])  # a refused document that says to touch nothing
@given(changes=st.lists(CHANGES, min_size=LONGEST // 2, max_size=LONGEST))
def test_after_any_sequence_of_changes_there_is_what_the_plan_says(
    lone_worlds: Callable[[], World], changes: list[Change]
) -> None:
    world = lone_worlds()
    world.play(lambda: Play(world).run(changes))
