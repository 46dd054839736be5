"""How well replays find what makes an agent non-deterministic: each of many agents has one planted source.

Twelve agents are written by hand, the others made from seeds, so that nobody tunes to them. Each is recorded once, and
replayed with its calls answered from the recording; `reeltime`, where it can be installed, runs the same agents.
Counted are those with a planted source in which a difference was found, those of which the right cause was named, and
those without a source that were accused of one. `python -m benchmarks.replay_rows` prints each agent.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.reeltime_rows import NAME, Diagnosis, diagnosed
from benchmarks.replay_agents import CAUSES, Agent, generated, written
from benchmarks.rivals.environments import CannotInstall, make_environment
from benchmarks.rows import Better, Row, Target, at_least, at_most
from benchmarks.titan_server import BenchmarkFailed, RunningTitan, running_titan
from titan.insight.export_lines import ActionLine, Line
from titan.insight.replay.comparison import compare
from titan.insight.replay.recorded_action import RecordedAction, body_of
from titan.model.actions import Outcome
from titan.replay.execution import Program, execute
from titan.replay.investigation import Investigation, Investigator, recorded_actions

SEEDS: Final = (1, 2)
ALIGNED: Final = 10_000  # actions of each of the two runs


@dataclass(frozen=True, slots=True)
class Judged:
    """What a replay said of an agent."""

    agent: Agent
    investigation: Investigation
    rival: Diagnosis | None  #: None: reeltime could not be installed

    @property
    def is_rival_right(self) -> bool:
        """Whether reeltime names the planted cause, and no other."""
        return self.rival is not None and self.rival.causes == {self.agent.cause}

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


#: Stands for the SDK where a program runs by itself.
NO_SDK: Final = "class titan_sdk:\n    action = staticmethod(lambda **_: lambda function: function)"


def measure_replays(folder: Path, *, rounds: int, calls: int, is_accuracy_left_out: bool) -> Iterator[Row]:
    """Yield how fast recorded calls are answered, and how well causes are found."""
    for size, least in ((100, 20_000), (500, 4_000)):
        yield _answered(folder / f"answered{size}", rounds, calls, size=size, least=least)
    yield _whole(folder / "whole", rounds)
    yield _traced(folder / "traced", rounds)
    yield _aligned(rounds)
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
    target = at_least(least, f"≥ {least:,} calls/s")
    return Row(what=what, unit="calls/s", better=Better.HIGHER, titan=rates, target=target)


def _whole(folder: Path, rounds: int) -> Row:
    """Return how long a run of 1,000 actions takes to be executed again, beside the program by itself."""
    text = LOOP.format(size=100, calls=1_000)
    with running_titan(folder) as titan:
        program, _ = _recorded(Agent(name="whole", planted="none", text=text), titan, folder / "agent")
    alone = folder / "agent" / "alone.py"
    alone.write_text(text.replace("import titan_sdk", NO_SDK), encoding="utf-8")
    seconds: list[float] = []
    by_itself: list[float] = []
    for number in range(rounds):
        seconds.append(_taken(partial(execute, program, seed=number)))
        by_itself.append(_taken(partial(subprocess.run, [sys.executable, alone], cwd=alone.parent, check=True)))
    return Row(
        what="a run of 1,000 actions executed again",
        unit="s",
        better=Better.LOWER,
        titan=seconds,
        rival_name="the program by itself",
        rival=by_itself,
        target=Target(
            text="≤ 1 s more", is_met=lambda row: statistics.median(row.titan) - statistics.median(row.rival) <= 1
        ),
    )


def _traced(folder: Path, rounds: int) -> Row:
    """Return how long the agents written by hand take when every statement is traced, beside the same without."""
    programs = []
    with running_titan(folder) as titan:
        for agent in written():
            program, _ = _recorded(agent, titan, folder / agent.name)
            programs.append(program)

    def executed(seed: int, *, traces: bool) -> None:
        for program in programs:
            execute(program, seed=seed, traces=traces)

    rounded = range(rounds)
    plain, traced = ([_taken(partial(executed, seed, traces=traces)) for seed in rounded] for traces in (False, True))
    return Row(
        what=f"{len(programs)} agents executed with every statement traced",
        unit="s",
        better=Better.LOWER,
        titan=traced,
        rival_name="without tracing",
        rival=plain,
        target=Target(text="≤ 10x", is_met=lambda row: (row.ratio or 0) <= 10),
    )


def _taken(work: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _aligned(rounds: int) -> Row:
    """Return how long two runs of 10,000 actions take to be compared; of every 50 one is new, another, or gone."""
    original = [_an_action(number, number) for number in range(ALIGNED)]
    chance = random.Random(1)
    replay: list[RecordedAction] = []
    for number in range(ALIGNED):
        fate = chance.randrange(150)
        if fate == 0:
            replay.append(_an_action(ALIGNED + number, ALIGNED + number))
        if fate != 1:
            replay.append(_an_action(number, number if fate != 2 else -number))
    seconds: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        found = compare(original, replay)
        seconds.append(time.perf_counter() - began)
        if not 100 < found.divergence_count < 300:
            raise BenchmarkFailed(f"alignment: expected about 200 divergences, found {found.divergence_count}")
    what = f"two runs of {ALIGNED:,} actions aligned and compared"
    return Row(what=what, unit="s", better=Better.LOWER, titan=seconds, target=at_most(2.0, "≤ 2 s"))


def _an_action(number: int, given: int) -> RecordedAction:
    started_at = datetime(2026, 11, 24, tzinfo=UTC) + timedelta(milliseconds=number)
    return RecordedAction(
        id=f"a{number}",
        name=("search", "ask_model", "read")[number % 3],
        is_call=True,
        started_at=started_at,
        ended_at=started_at + timedelta(microseconds=500),
        call_site=f"agent.py:step_{number % 7}",
        inputs=body_of(f'{{"args":["question {given}"],"kwargs":{{"limit":{given % 9}}}}}'),
        outputs=body_of(f'["answer {given}",{given}]'),
        outcome=Outcome.SUCCESS,
    )


def measure_accuracy(folder: Path) -> Iterator[Row]:
    """Yield how many sources were found, named rightly, and where there was none, alleged.

    Raises:
        BenchmarkFailed: an agent could not be recorded.
    """
    judged = list(judge(folder))
    planted = [one for one in judged if one.agent.cause is not None]
    clean = [one for one in judged if one.agent.cause is None]
    rivals = [one.rival for one in planted if one.rival is not None]
    yield _share(
        f"planted sources found, of {len(planted)} agents",
        [one.is_found for one in planted],
        [rival.is_found for rival in rivals],
        least=100,
    )
    yield _share(
        f"causes named rightly, of {len(planted)} agents",
        [one.is_right for one in planted],
        [one.is_rival_right for one in planted if one.rival is not None],
        least=90,
    )
    accused = [sum(one.is_found for one in clean)]
    of_rival = [sum(one.rival is not None and one.rival.is_found for one in clean)] if rivals else []
    yield Row(
        what=f"agents without a source that were accused, of {len(clean)}",
        unit="agents",
        better=Better.LOWER,
        titan=accused,
        rival_name=NAME if any(of_rival) else "",
        rival=of_rival if any(of_rival) else (),
        target=at_most(0, "none"),
    )


def judge(folder: Path) -> Iterator[Judged]:
    """Record and replay each agent, and ask reeltime about it."""
    agents = [*written(), *(generated(planted, seed) for planted in CAUSES for seed in SEEDS)]
    try:
        environment = make_environment(NAME)
    except CannotInstall as reason:
        print(reason, flush=True)
        environment = None
    with running_titan(folder) as titan:
        for agent in agents:
            yield _judged(agent, titan, folder / agent.name, environment)


def _share(what: str, ours: Sequence[bool], theirs: Sequence[bool], *, least: int) -> Row:
    def percent(said: Sequence[bool]) -> list[float]:
        return [100 * sum(said) / len(said)] if any(said) else []

    rival = percent(theirs)
    return Row(
        what=what,
        unit="%",
        better=Better.HIGHER,
        titan=percent(ours) or [0.0],
        rival_name=NAME if rival else "",
        rival=rival,
        target=at_least(least, f"≥ {least} %"),
    )


def _judged(agent: Agent, titan: RunningTitan, folder: Path, environment: Path | None) -> Judged:
    program, actions = _recorded(agent, titan, folder)
    _install_package(agent, folder, version=3)
    investigation = Investigator(program, recorded_actions(actions)).investigate()
    return Judged(agent, investigation, None if environment is None else diagnosed(environment, folder))


def _recorded(agent: Agent, titan: RunningTitan, folder: Path) -> tuple[Program, list[ActionLine]]:
    """Run an agent in a folder of its own; return what to replay, and its recorded actions."""
    folder.mkdir(parents=True)
    (folder / "agent.py").write_text(agent.text, encoding="utf-8")
    _install_package(agent, folder, version=2)
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


def _install_package(agent: Agent, folder: Path, *, version: int) -> None:
    """Install the package that an agent imports, if it does, beside it in one version."""
    if agent.package is None:
        return
    packages = folder / "site-packages"
    shutil.rmtree(packages, ignore_errors=True)
    (packages / f"{agent.package}-{version}.0.dist-info").mkdir(parents=True)
    text = f"""
def rounded(weight):
    return weight * {version}

def pieces(text):
    return [text[place : place + {version}0] for place in range(0, len(text), {version}0)]
"""
    (packages / f"{agent.package}.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="titan-replay-") as place:
        for one in judge(Path(place)):
            cause, statement = one.investigation.cause, one.investigation.statement
            verdict = "right" if one.is_right else "WRONG"
            rival = "" if one.rival is None else f"; {NAME}: {one.rival.is_found} {', '.join(sorted(one.rival.causes))}"
            where = "" if statement is None else f"{statement.line} {statement.variable}: {statement.source}"
            print(f"{one.agent.name:24} {verdict} {cause and cause.source} {where}{rival}", flush=True)
