"""Evaluate a workflow on a server: apply a suite, dispatch its tasks, follow the runs."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from titan.cli.server import Server, read
from titan.cli.terminal import live_line, remark
from titan.evaluate.results import has_passed
from titan.wire.evaluations import (
    AgentRunDetailView,
    AgentRunsAnswer,
    AgentRunView,
    ApplyAnswer,
    Dispatched,
    Rerun,
    ToolCallsAnswer,
)

if TYPE_CHECKING:  # what reads suites takes long to import
    from titan.evaluate.suites import Suite

MOST_AT_ONCE: Final = 1_000  # rows of a page
LOOKED_EVERY_SECONDS: Final = 0.25
LOOKING_SHARE: Final = 4  # a look that takes long is followed by a pause of so many times that


def workflow_path(titan: Server, workflow: str) -> tuple[str, ...]:
    """Return the path of a workflow of the server's project."""
    return "api", "projects", titan.project or "default", "workflows", workflow


class Evaluation:
    """A workflow on a server."""

    def __init__(self, titan: Server, workflow: str) -> None:
        self._titan = titan
        self._workflow = workflow_path(titan, workflow)

    def apply(self, suite: "Suite", *, is_plan: bool = False) -> ApplyAnswer:
        """Register a suite's agents, world and tasks as far as they differ; write its warnings."""
        body = {
            "workflow": suite.workflow,
            "definition": msgspec.to_builtins(suite.definition),
            "agents": msgspec.to_builtins(suite.agents),
            "endpoints": msgspec.to_builtins(suite.endpoints),
            "tasks": msgspec.to_builtins(suite.tasks),
            "plan": is_plan,
        }
        answer = read(self._titan.post(*self._workflow[:3], "apply", body=body), ApplyAnswer)
        for line in answer.warnings:
            remark(f"warning: {line}")
        return answer

    def dispatch(self, *, tasks: list[str] | None, fields: list[str] | None, repeat: int) -> list[str]:
        """Dispatch tasks; return the ids of the runs."""
        body = {"tasks": tasks or None, "fields": fields or None, "repeat": repeat}
        return read(self._titan.post(*self._workflow, "agent-runs", body=body), Dispatched).run_ids

    def runs(self) -> list[AgentRunView]:
        """Return all agent runs, the latest first."""
        return [run for page in self._pages() for run in page]

    def follow(self, run_ids: Sequence[str]) -> list[AgentRunView]:
        """Wait until agent runs have ended; return them, or the runs by which the server repeated them."""
        wanted = set(run_ids)
        with live_line(is_piped=True) as show:
            while True:
                began = time.monotonic()
                ours = self._found(wanted)
                ended = [one for one in ours if one.ended_at is not None]
                verdicts = Counter(map(has_passed, ended))
                progress = (
                    f"{len(ended)} of {len(ours)} agent runs have ended: "
                    f"{verdicts[True]} passed, {verdicts[False]} failed"
                )
                if len(ended) == len(ours):
                    break
                show(progress)
                time.sleep(max(LOOKED_EVERY_SECONDS, LOOKING_SHARE * (time.monotonic() - began)))
        remark(progress)
        repeated = {one.source_run_id for one in ours}
        return [one for one in ours if one.run_id not in repeated]

    def detail(self, one: AgentRunView) -> AgentRunDetailView:
        """Return an agent run's details."""
        return read(self._titan.get(*self._run(one)), AgentRunDetailView)

    def calls(self, one: AgentRunView) -> list[Any]:
        """Return the tool calls of an agent run."""
        answer = read(self._titan.get(*self._run(one), "tool-calls"), ToolCallsAnswer)
        calls: list[Any] = msgspec.to_builtins(answer.tool_calls)
        return calls

    def rerun(self, one: AgentRunView) -> str:
        """Run the task of an agent run again; return the id of the new run."""
        return read(self._titan.post(*self._run(one), "re-run", body={}), Rerun).run_id

    def _found(self, wanted: set[str]) -> list[AgentRunView]:
        """Return the wanted runs, the latest first; add runs that repeat one of them to `wanted`."""
        found: dict[str, AgentRunView] = {}
        for page in self._pages():
            runs = {one.run_id: one for one in page}
            wanted |= {one.run_id for one in page if one.source_run_id in wanted and one.trigger == "auto_redispatch"}
            found |= {run_id: runs[run_id] for run_id in runs if run_id in wanted}
            if len(found) == len(wanted):
                break  # the others are older
        return list(found.values())

    def _pages(self) -> Iterator[list[AgentRunView]]:
        before = None
        while True:
            answer = self._titan.get(*self._workflow, "agent-runs", before=before, limit=MOST_AT_ONCE)
            page = read(answer, AgentRunsAnswer).agent_runs
            yield page
            if len(page) < MOST_AT_ONCE:
                return
            before = page[-1].run_id

    def _run(self, one: AgentRunView) -> tuple[str, ...]:
        return (*self._workflow, "tasks", one.task_id, "agent-runs", one.run_id)


def newest(runs: Sequence[AgentRunView]) -> list[AgentRunView]:
    """Return the newest run of each task and field, by task; `runs` are the latest first."""
    found: dict[tuple[str, str], AgentRunView] = {}
    for one in runs:
        found.setdefault((one.task_id, one.field), one)
    return [found[place] for place in sorted(found)]
