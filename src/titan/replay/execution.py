"""Runs a program again with its calls answered from a recording, each time in a process of its own."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from titan.model.actions import ActionKind, Effect, Outcome
from titan.replay.statement import Traced, read_trace
from titan_sdk import replaying
from titan_sdk.replaying.sources import PINS

REFUSED: Final = 70  # the exit code of a program whose recording cannot be replayed
END_SECONDS: Final = 5.0  # for a program that is told to end
_SITE: Final = Path(replaying.__file__).parent / "site"


class ReplayFailed(Exception):
    """A program could not be executed again; the message says why, and what to do."""


class _Failure(msgspec.Struct):
    type: str
    message: str = ""


class CallEntry(msgspec.Struct, kw_only=True):
    """A call as the SDK records it."""

    id: str
    name: str
    kind: ActionKind
    started_at_ns: int
    parent_id: str | None = None
    duration_ns: int = 0
    outcome: Outcome | None = None
    effect: Effect | None = None
    cost_usd: Decimal | None = None
    failure: _Failure | None = None
    inputs: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    outputs: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    details: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class ReportedCall(msgspec.Struct, kw_only=True):
    """A call that a program made in a replay; see `titan_sdk.replaying.answers.Answers`."""

    recorded_id: str | None
    how: str
    entry: CallEntry | None = None
    id: str | None = None
    parent_id: str | None = None
    started_at_ns: int = 0


class _Began(msgspec.Struct, kw_only=True):
    """The first line of a report."""

    type: str
    run_id: str = ""
    actions: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is executed."""

    command: Sequence[str]
    recording: Path  #: an export in JSON Lines
    run_id: str
    actions: int = 0  #: that the recording has
    folder: Path = field(default_factory=Path.cwd)  #: where it is executed
    timeout: float | None = None  #: seconds; None: as long as it takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What came of it."""

    exit_code: int  #: negative: ended by that signal
    calls: list[ReportedCall]  #: in the order of their end
    trace: list[Traced]


def execute(
    program: Program,
    *,
    seed: int = 0,
    pins: frozenset[str] = frozenset(),
    traces: bool = False,
    traced_after: str | None = None,
    is_quiet: bool = True,
) -> Execution:
    """Execute a program from a cold start; `seed` varies what it should not depend on, but for what `pins` names.

    `is_quiet` leaves its output out. With `traces`, its statements are traced from the recorded action `traced_after`
    on, or from the start.

    Raises:
        ReplayFailed: it cannot be started, made no use of the SDK, took longer than its timeout, or its recording
            cannot be replayed.
    """
    with tempfile.TemporaryDirectory(prefix="titan-replay-") as folder:
        report, trace = Path(folder, "report.jsonl"), Path(folder, "trace.jsonl")
        environment = _environment(program, seed, pins) | {"TITAN_REPLAY_REPORT": str(report)}
        if traces:
            environment["TITAN_REPLAY_TRACE"] = str(trace)
            environment |= {} if traced_after is None else {"TITAN_REPLAY_AFTER": traced_after}
        with _started(program, environment, is_quiet) as process:
            try:
                exit_code = process.wait(program.timeout)
            except subprocess.TimeoutExpired:
                raise ReplayFailed(
                    f"the program took longer than {program.timeout:g} s; give it more by --timeout"
                ) from None
        calls = _calls(report, program)
        if exit_code and not calls and program.actions:
            raise ReplayFailed(f"{' '.join(program.command)} ended with exit code {exit_code} before its first call")
        with suppress(FileNotFoundError), trace.open("rb") as lines:
            return Execution(exit_code=exit_code, calls=calls, trace=list(read_trace(lines)))
        return Execution(exit_code=exit_code, calls=calls, trace=[])


def _environment(program: Program, seed: int, pins: frozenset[str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_REPLAY")}
    paths = [str(_SITE), *filter(None, [inherited.get("PYTHONPATH")])]
    return inherited | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONHASHSEED": "0" if "hash_seed" in pins else str(seed + 1),
        "TITAN_REPLAY": str(program.recording.resolve()),
        "TITAN_REPLAY_RUN": program.run_id,
        "TITAN_REPLAY_SEED": str(seed),
        "TITAN_REPLAY_PINS": ",".join(name for name in PINS if name in pins),
    }


@contextmanager
def _started(program: Program, environment: Mapping[str, str], is_quiet: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program in a process group of its own, which has ended when the block ends, however that ends."""
    output = subprocess.DEVNULL if is_quiet else sys.stderr
    try:
        process = subprocess.Popen(
            list(program.command),
            cwd=program.folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    except OSError as error:
        raise ReplayFailed(f"{program.command[0]!r} cannot be started: {error.strerror}") from None
    try:
        with _ended_by_signals():
            yield process
    finally:
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal_number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
                break


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise SystemExit, so that the program and its folders go with this process."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _calls(report: Path, program: Program) -> list[ReportedCall]:
    try:
        first, *lines = report.read_bytes().splitlines()
    except (FileNotFoundError, ValueError):
        raise ReplayFailed(
            f"{' '.join(program.command)} began no replay: expected a Python program with titan_sdk installed"
        ) from None
    began = msgspec.json.decode(first, type=_Began)
    if began.type == "refused":
        raise ReplayFailed(began.reason)
    decoder = msgspec.json.Decoder(ReportedCall)
    calls = [decoder.decode(line) for line in lines if not line.startswith(b'{"type"')]
    refused = next((line for line in lines if line.startswith(b'{"type"')), None)  # of a process that it began
    if refused is not None:
        raise ReplayFailed(msgspec.json.decode(refused, type=_Began).reason)
    return calls
