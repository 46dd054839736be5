"""How well replays find what makes an agent non-deterministic: each of many agents has one planted source.

Each agent is recorded once by a server of its own, and replayed with its calls answered from the recording. Counted are
those with a planted source in which a difference was found, those of which the right cause was named, and those without
a source that were accused of one. `python -m benchmarks.replay_rows` prints each agent.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.replay_agents import CAUSES, Agent, generated
from benchmarks.rows import Better, Row, Target
from benchmarks.titan_server import BenchmarkFailed, RunningTitan, running_titan
from titan.insight.export_lines import ActionLine, Line
from titan.replay.calls import recorded_actions
from titan.replay.execution import Program, execute
from titan.replay.investigation import Investigation, Investigator

SEEDS: Final = (1, 2)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a replay said of an agent."""

    agent: Agent
    investigation: Investigation

    @property
    def is_found(self) -> bool:
        """Whether executions differed from one another, or from the recording."""
        return self.investigation.root is not None

    @property
    def is_right(self) -> bool:
        """Whether the cause is the planted one."""
        cause = self.investigation.cause
        return (None if cause is None else cause.source) == self.agent.cause


LOOP: Final = """
import sys, time
import titan_sdk
@titan_sdk.action(kind="model")
def call(number, prompt):
    return {{"answer": "y" * {size}, "number": number}}
began = time.perf_counter()
for number in range({calls}):
    call(number, "x y z " * ({size} // 6))
open("rate", "w").write(str({calls} / (time.perf_counter() - began)))
"""


def measure_replays(folder: Path, *, rounds: int, calls: int, is_accuracy_left_out: bool) -> Iterator[Row]:
    """Yield how fast recorded calls are answered, and how well causes are found."""
    for size, least in ((100, 20_000), (500, 4_000)):
        yield _answered(folder / f"answered{size}", rounds, calls, size=size, least=least)
    if not is_accuracy_left_out:
        yield from measure_accuracy(folder / "accuracy")


def _answered(folder: Path, rounds: int, calls: int, *, size: int, least: int) -> Row:
    """Return how many calls a second are answered in a process of their own; `size` bytes go in, and as many out."""
    with running_titan(folder) as titan:
        agent = Agent(name=f"answered_{size}", planted="none", text=LOOP.format(size=size, calls=calls))
        program, _ = _recorded(agent, titan, folder / "agent")
    rates: list[float] = []
    for number in range(rounds):
        execute(program, seed=number)
        rates.append(float((folder / "agent" / "rate").read_text()))
    what = f"calls answered in a replay, {2 * size} bytes each"
    target = Target(text=f"≥ {least:,} calls/s", is_met=lambda row: row.titan_median >= least)
    return Row(what=what, unit="calls/s", better=Better.HIGHER, titan=rates, target=target)


def measure_accuracy(folder: Path) -> Iterator[Row]:
    """Yield how many sources were found, named rightly, and where there was none, alleged.

    Raises:
        BenchmarkFailed: an agent could not be recorded.
    """
    judged = list(judge(folder))
    planted = [one for one in judged if one.agent.cause is not None]
    clean = [one for one in judged if one.agent.cause is None]
    found = 100 * sum(one.is_found for one in planted) / len(planted)
    right = 100 * sum(one.is_right for one in planted) / len(planted)
    accused = sum(one.is_found for one in clean)
    yield _row(f"planted sources found, of {len(planted)} agents", "%", found, at_least=100)
    yield _row(f"causes named rightly, of {len(planted)} agents", "%", right, at_least=90)
    yield Row(
        what=f"agents without a source that were accused, of {len(clean)}",
        unit="agents",
        better=Better.LOWER,
        titan=[accused],
        target=Target(text="none", is_met=lambda row: row.titan_median == 0),
    )


def judge(folder: Path) -> Iterator[Judged]:
    """Record and replay each agent."""
    agents = [generated(planted, seed) for planted in CAUSES for seed in SEEDS]
    with running_titan(folder) as titan:
        for agent in agents:
            yield _judged(agent, titan, folder / agent.name)


def _row(what: str, unit: str, value: float, *, at_least: float) -> Row:
    target = Target(text=f"≥ {at_least:g} {unit}", is_met=lambda row: row.titan_median >= at_least)
    return Row(what=what, unit=unit, better=Better.HIGHER, titan=[value], target=target)


def _judged(agent: Agent, titan: RunningTitan, folder: Path) -> Judged:
    program, actions = _recorded(agent, titan, folder)
    _write_dependency(agent, folder, "weight * 3")
    return Judged(agent, Investigator(program, recorded_actions(actions)).investigate())


def _recorded(agent: Agent, titan: RunningTitan, folder: Path) -> tuple[Program, list[ActionLine]]:
    """Run an agent in a folder of its own; return what to replay, and its recorded actions."""
    folder.mkdir(parents=True)
    (folder / "agent.py").write_text(agent.text, encoding="utf-8")
    _write_dependency(agent, folder, "weight * 2")
    command = [sys.executable, "agent.py"]
    environment = {**os.environ, "TITAN_HOST": "127.0.0.1", "TITAN_PORT": str(titan.port), "TITAN_AGENT_ID": agent.name}
    try:
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=60)
    except subprocess.CalledProcessError as error:
        raise BenchmarkFailed(f"agent {agent.name}: {error.stderr.decode()[-2000:]}") from error
    path = folder / "run.jsonl"
    with titan.client() as client:
        path.write_bytes(b"".join(client.transport.stream("/api/v1/runs/export", query={"agent_id": agent.name})))
    lines = [msgspec.json.decode(line, type=Line) for line in path.read_bytes().splitlines()]
    actions = [line for line in lines if isinstance(line, ActionLine)]
    if not actions:
        raise BenchmarkFailed(f"agent {agent.name}: nothing was recorded")
    program = Program(command=command, recording=path, run_id=actions[0].run_id, folder=folder, timeout=60)
    return program, actions


def _write_dependency(agent: Agent, folder: Path, formula: str) -> None:
    """Write the package that an agent imports, if it does, in one version or the other."""
    for line in agent.text.splitlines():
        if line.strip().startswith("import ") and line.endswith("_rules"):
            name = line.split()[-1]
            (folder / f"{name}.py").write_text(f"def rounded(weight):\n    return {formula}\n", encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="titan-replay-") as place:
        for one in judge(Path(place)):
            cause, statement = one.investigation.cause, one.investigation.statement
            verdict = "right" if one.is_right else "WRONG"
            where = "" if statement is None else f"{statement.line} {statement.variable}: {statement.source}"
            print(f"{one.agent.name:24} {verdict} {cause and cause.source} {where}", flush=True)
