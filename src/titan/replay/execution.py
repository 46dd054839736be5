"""Execute a program with its calls answered from a recording, each time in a new process."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, Final

import msgspec

from titan.model.actions import ActionKind, Effect, Outcome
from titan.replay.differences import Traced, read_trace
from titan.replay.orders import Stages, whole_run
from titan.replay.sandbox import Sandbox, open_written, read_written
from titan_sdk import replaying
from titan_sdk.replaying.recording import Plan
from titan_sdk.replaying.sources import PINS
from titan_sdk.stages import FORK, FORK_RUN

REFUSED: Final = 70  # the exit code of a program whose recording cannot be replayed
END_SECONDS: Final = 5.0  # for a program that is asked to end
REPORT: Final = "report.jsonl"
OUTPUT: Final = "output"  # of a quiet program
_LAST_BYTES: Final = 4096
#: What a confined program gets of the worker's environment.
_KEPT: Final = frozenset({"PATH", "PYTHONPATH", "LANG", "TZ", "VIRTUAL_ENV"})
#: What clients of models want before they are asked anything; in a replay none of them is, in a fork Titan's may be.
_PLACEHOLDERS: Final = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY")
_running: Final = set[int]()  # process groups
_SITE: Final = Path(replaying.__file__).parent / "site"


class ReplayFailed(Exception):
    """A program could not be executed again; the message has the cause and the next step."""


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
class Confinement:
    """The sandbox of a program that is not the user's own."""

    sandbox: Sandbox
    readable: Sequence[Path] = ()  #: beside the system and the interpreter
    hidden: Sequence[Path] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder that is recreated for each execution with a copy of the program's code in `code`."""

    source: Path  #: the code
    folder: Path  #: recreated for each execution; the only folder that a sandboxed program can write

    @property
    def code(self) -> Path:
        """The folder in which the program is executed."""
        return self.folder / "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program, its recording and how it is executed."""

    command: Sequence[str]
    recording: Path  #: an export in JSON Lines
    run_id: str
    actions: int = 0  #: that the recording has
    folder: Path = field(default_factory=Path.cwd)  #: where it is executed
    timeout: float | None = None  #: seconds; None: as long as it takes
    place: Place | None = None  #: None: it is executed where it is
    confinement: Confinement | None = None  #: needs a place
    stages: Stages | None = None  #: of a whole run: it is executed with a Titan server of its own
    is_trusted: bool = False  #: the recording: objects of the classes that it names may be made


class Changes(msgspec.Struct):
    """Differences between a program and the recorded one; see `titan_sdk.recording.program`."""

    files: list[str] | None = None
    packages: dict[str, tuple[str | None, str | None]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The result of an execution."""

    exit_code: int  #: negative: ended by that signal
    calls: list[ReportedCall]  #: in the order of their end
    trace: list[Traced]
    changes: Changes


def execute(
    program: Program,
    *,
    seed: int = 0,
    pins: frozenset[str] = frozenset(),
    traces: bool = False,
    traced_after: str | None = None,
    is_quiet: bool = True,
) -> Execution:
    """Execute a program in a new process; `seed` varies sources of non-determinism except those in `pins`.

    `is_quiet` leaves its output out. With `traces`, its statements are traced from the recorded action `traced_after`
    on, or from the start.

    Raises:
        ReplayFailed: it cannot be started, made no use of the SDK, took longer than its timeout, or its recording
            cannot be replayed.
    """
    with _scratch(program) as folder:
        report, trace = folder / REPORT, folder / "trace.jsonl"
        environment = _environment(program, seed, pins) | {"TITAN_REPLAY_REPORT": str(report)}
        if traces:
            environment["TITAN_REPLAY_TRACE"] = str(trace)
            environment |= {} if traced_after is None else {"TITAN_REPLAY_AFTER": traced_after}
        with _started(program, environment, folder, is_quiet) as process:
            try:
                exit_code = process.wait(program.timeout)
            except subprocess.TimeoutExpired:
                raise ReplayFailed(
                    f"the program took longer than {program.timeout:g} s; give it more by --timeout"
                ) from None
        calls, changes = _calls(folder, program)
        if exit_code and not calls and program.actions:
            ended = f"ended with exit code {exit_code} before its first call"
            raise ReplayFailed(f"{' '.join(program.command)} {ended}{_last_words(folder)}")
        with suppress(FileNotFoundError), open_written(trace) as lines:
            return Execution(exit_code=exit_code, calls=calls, trace=list(read_trace(lines)), changes=changes)
        return Execution(exit_code=exit_code, calls=calls, trace=[], changes=changes)


def end_all() -> None:
    """End all running programs."""
    for process_id in tuple(_running):
        with suppress(ProcessLookupError):
            os.killpg(process_id, signal.SIGTERM)


@contextmanager
def _scratch(program: Program) -> Iterator[Path]:
    """Yield a folder for an execution's reports: the program's place, recreated, or a temporary folder."""
    if program.place is None:
        with tempfile.TemporaryDirectory(prefix="titan-replay-") as name:
            yield Path(name)
        return
    shutil.rmtree(program.place.folder, ignore_errors=True)
    program.place.folder.mkdir(parents=True)
    shutil.copytree(program.place.source, program.place.code)
    yield program.place.folder


def _environment(program: Program, seed: int, pins: frozenset[str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_REPLAY")}
    if program.confinement is not None and program.place is not None:
        inherited = harmless(inherited) | {"HOME": str(program.place.folder)}
    paths = [str(_SITE), *filter(None, [inherited.get("PYTHONPATH")])]
    whole = {} if program.stages is None else {"TITAN_REPLAY_WHOLE": "1"}
    trusted = {"TITAN_REPLAY_TRUSTED": "1"} if program.is_trusted else {}
    return inherited | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONHASHSEED": "0" if "hash_seed" in pins else str(seed + 1),
        "TITAN_REPLAY": str(program.recording.resolve()),
        "TITAN_REPLAY_RUN": program.run_id,
        "TITAN_REPLAY_SEED": str(seed),
        "TITAN_REPLAY_PINS": ",".join(name for name in PINS if name in pins),
        **whole,
        **trusted,
    }


def harmless(environment: Mapping[str, str], *, key: str = "replayed") -> dict[str, str]:
    """Return the environment variables that a confined program may see: no secrets and no server.

    `key` is given to clients of models, which want one.
    """
    kept = {name: value for name, value in environment.items() if name in _KEPT or name.startswith("LC_")}
    return kept | dict.fromkeys(_PLACEHOLDERS, key)


@contextmanager
def _started(
    program: Program, environment: Mapping[str, str], folder: Path, is_quiet: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program in its own process group, which is ended with the block."""
    command, directory = list(program.command), program.folder if program.place is None else program.place.code
    if program.stages is not None:
        command, environment = whole_run(program.stages, command, environment, folder=folder)
    if program.confinement is not None and program.place is not None:
        confined = program.confinement
        command = confined.sandbox.command(
            command,
            folder=directory,
            writable=program.place.folder,
            readable=[program.recording, *confined.readable],
            hidden=confined.hidden,
            environment=environment,
        )
    with ExitStack() as opened:
        output: IO[bytes] | IO[str] = sys.stderr
        if is_quiet:
            output = opened.enter_context((folder / OUTPUT).open("wb"))
        try:
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise ReplayFailed(f"{program.command[0]!r} cannot be started: {error.strerror}") from None
        yield from _until_ended(process)


def _until_ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    _running.add(process.pid)
    try:
        with _ended_by_signals():
            yield process
    finally:
        _running.discard(process.pid)
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal_number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
                break


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Raise SystemExit on SIGTERM and SIGHUP, so that the program and its folders are removed."""

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


def _last_words(folder: Path) -> str:
    """Return the last line of a quiet program's output after a colon, or ""."""
    try:
        lines = read_written(folder / OUTPUT)[-_LAST_BYTES:].decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return ""
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last}" if last else ""


def _calls(folder: Path, program: Program) -> tuple[list[ReportedCall], Changes]:
    """Return the reports of all programs of an execution, the orchestrator's first."""
    calls: list[ReportedCall] = []
    changes = Changes()
    own = folder / REPORT
    others = sorted(folder.glob(f"{REPORT}.*")) if program.stages is not None else []
    for report in [path for path in (own, *others) if path.exists()] or [own]:
        found, changed = _calls_of(report, folder, program)
        calls += found
        changes = changed if report == own or not own.exists() else changes
    return calls, changes


def _calls_of(report: Path, folder: Path, program: Program) -> tuple[list[ReportedCall], Changes]:
    try:
        first, *lines = read_written(report).splitlines()
    except (FileNotFoundError, ValueError):
        raise ReplayFailed(
            f"{' '.join(program.command)} began no replay: expected a Python program with titan_sdk"
            f" installed{_last_words(folder)}"
        ) from None
    began = msgspec.json.decode(first, type=_Began)
    if began.type == "refused":
        raise ReplayFailed(began.reason)
    decoder = msgspec.json.Decoder(ReportedCall)
    calls = [decoder.decode(line) for line in lines if not line.startswith(b'{"type"')]
    changes = Changes()
    for line in (line for line in lines if line.startswith(b'{"type"')):
        if line.startswith(b'{"type": "program"'):
            changes = msgspec.json.decode(line, type=Changes)
        else:  # of a process that it began
            raise ReplayFailed(msgspec.json.decode(line, type=_Began).reason)
    return calls, changes


def planned(plan: Plan, folder: Path) -> dict[str, str]:
    """Write a plan into a folder, and return the environment variables of a program that follows it."""
    path = folder / "plan.json"
    path.write_bytes(msgspec.json.encode(asdict(plan)))
    return {FORK: str(path)} if plan.is_resumed else {FORK: str(path), FORK_RUN: plan.run_id}


def run_program(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    directory: str | None = None,
    output: IO[str] | None = None,
) -> int:
    """Run a program in the foreground, and return its exit code; `output` replaces its standard output.

    Raises:
        ReplayFailed: it cannot be started.
    """
    try:
        with subprocess.Popen(
            list(command), cwd=directory, env={**os.environ, **environment}, stdout=output
        ) as process:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue  # the program got it too, and ends in its own way
    except OSError as error:
        raise ReplayFailed(f"{command[0]!r} cannot be started: {error.strerror}") from None


def has_reached_edit(plan: Plan) -> bool:
    """Return whether the program reached the edited action."""
    try:
        return any("edited" in msgspec.json.decode(line) for line in read_written(Path(plan.ledger)).splitlines())
    except FileNotFoundError:
        return False
