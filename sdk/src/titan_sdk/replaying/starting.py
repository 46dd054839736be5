"""Begin a replay: from the environment, as `titan replay` sets it, or by `titan_sdk.replay` in a test.

TITAN_REPLAY           a file with the recording: an export in JSON Lines
TITAN_REPLAY_RUN       the run in it; needed where it has several
TITAN_REPLAY_TRUSTED   1 where objects of the classes that the recording names may be made
TITAN_REPLAY_REPORT    a file to write the report to
TITAN_REPLAY_PINS      sources to pin, separated by commas (`titan_sdk.replaying.sources`)
TITAN_REPLAY_SEED      varies the order of listings and of answers; 0 by default
TITAN_REPLAY_TRACE     a file to write the traced statements to
TITAN_REPLAY_AFTER     the recorded action after which to trace; from the start by default
TITAN_REPLAY_WHOLE     1 where a whole run is replayed, on a Titan server of the replay's own: this process is one of
                       its programs, and gets the recorded actions of that one; its files end in its name

In a job of such a run, whose environment may hold no TITAN_ name, _TITAN_REPLAY has them all as a JSON object.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, contextmanager
from hashlib import blake2b

from titan_sdk.recording.tasks import own_program
from titan_sdk.replaying.answers import Answers
from titan_sdk.replaying.recording import NotReplayable, Recording, read_recording
from titan_sdk.replaying.sources import install
from titan_sdk.replaying.tracing import Tracer
from titan_sdk.stages import REPLAY
from titan_sdk.switches import is_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

REFUSED = 70  # the exit code
_has_begun = False
_to_the_end = ExitStack()  # never closed: it lasts until the process ends


def start(environment: Mapping[str, str] = os.environ) -> None:
    """Begin, once, where TITAN_REPLAY names a recording: from now on calls of actions are answered from it.

    An error is written to the report and ends the program: it must not run without a replay. In child processes of the
    program no call is answered.

    Raises:
        SystemExit: the recording cannot be replayed.
    """
    global _has_begun
    if REPLAY in environment:
        environment = {**environment, **json.loads(environment[REPLAY])}
    path = environment.get("TITAN_REPLAY")
    if path is None or _has_begun:
        return
    _has_begun = True
    report = _own_file(environment["TITAN_REPLAY_REPORT"], environment)
    is_first = not os.path.exists(report)
    write = _writer(report)
    try:
        _begin(path, write, environment, is_first=is_first)
    except Exception as error:  # noqa: BLE001 (Python goes on without a module that fails to be imported here)
        reason = str(error) if isinstance(error, NotReplayable) else f"{type(error).__name__}: {error}"
        write(json.dumps({"type": "refused", "reason": reason}) + "\n")
        raise SystemExit(REFUSED) from None


def _begin(path: str, write: Callable[[str], object], environment: Mapping[str, str], *, is_first: bool) -> None:
    is_whole = is_on("TITAN_REPLAY_WHOLE", environment)
    seed = int(environment.get("TITAN_REPLAY_SEED", "0"))
    pins = frozenset(filter(None, environment.get("TITAN_REPLAY_PINS", "").split(",")))
    if is_first:
        with open(path, encoding="utf-8") as lines:
            program = own_program() if is_whole else None
            recording = read_recording(lines, run_id=environment.get("TITAN_REPLAY_RUN"), program=program)
        recording.is_trusted = is_on("TITAN_REPLAY_TRUSTED", environment)
        write(json.dumps({"type": "replay", "run_id": recording.run_id, "actions": len(recording.actions)}) + "\n")
        recording.on_first_call = lambda changed: write(json.dumps(changed) + "\n")
    else:
        recording = Recording(environment.get("TITAN_REPLAY_RUN", ""), [])
    answers = Answers(recording, write, seed=None if "task_order" in pins else seed, has_own_titan=is_whole)
    from titan_sdk.recording import process

    _to_the_end.enter_context(process.replaying(answers))
    install(pins, seed=seed)
    trace = environment.get("TITAN_REPLAY_TRACE")
    if trace is not None and is_first:
        tracer = Tracer(os.getcwd(), _writer(_own_file(trace, environment)))
        answers.trace(tracer, after=environment.get("TITAN_REPLAY_AFTER"))


def _own_file(path: str, environment: Mapping[str, str]) -> str:
    """Return the file of this program of the run."""
    program = own_program() if is_on("TITAN_REPLAY_WHOLE", environment) else ""
    return f"{path}.{blake2b(program.encode(), digest_size=12).hexdigest()}" if program else path


def _writer(path: str) -> Callable[[str], object]:
    """Return a function that appends to a file, unbuffered: nothing is missing if the program is killed."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return lambda text: os.write(descriptor, text.encode("utf-8", "surrogatepass"))


class Replay:
    """The result of a replay: `calls` that the program made, and recorded calls that it did not make, `missing`.

    Each of `calls` is a dict: `recorded_id`, None where the recording has no such call; `how` it ended, "served", "ran"
    or "stopped"; and `entry`, as it would have been recorded, unless it was served for equal inputs.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.run_id = recording.run_id
        self.calls: list[dict[str, Any]] = []

    @property
    def missing(self) -> list[str]:
        """The names of recorded actions that the program did not reach."""
        return [action.name for action in self._recording.left]

    @property
    def divergences(self) -> list[str]:
        """The differences, a line each; empty where the program did what was recorded."""
        recorded = {action.id: action for action in self._recording.actions}
        found: list[str] = []
        for call in self.calls:
            entry, original = call.get("entry"), recorded.get(call["recorded_id"])
            if entry is None:
                continue
            if original is None:
                found.append(f"extra_action: {entry['name']}")
            elif call["how"] != "ran" or not original.has_same_inputs(entry):
                found.append(f"input_mismatch: {entry['name']}")
            elif not original.has_same_end(entry):
                found.append(f"output_mismatch: {entry['name']}")
        return found + [f"missing_action: {name}" for name in self.missing]


@contextmanager
def replay(recording: str | os.PathLike[str], *, run_id: str | None = None, trusted: bool = False) -> Iterator[Replay]:
    """Answer calls of actions in this block from a recording; their functions do not run, and nothing is recorded.

        with titan_sdk.replay("failed.jsonl") as replayed:
            main()
        assert not replayed.divergences

    Groups (`step`, `agent`, `turn`), actions that called others, and those with `effect="local"` run as they are.

    Args:
        recording: a file that `titan runs export --run RUN -o FILE` wrote.
        run_id: the run in it, where it has several.
        trusted: whether recorded objects and exceptions are made of the classes that the file names. Else they are
            plain data: a dict in place of a dataclass, `ReplayedError` in place of an exception.

    Raises:
        NotReplayable: the file has no such run, or an output that a replay needs is not stored.
        ReplayDiverged: inside the block, of a call that the recording does not have.
        OSError: the file cannot be read.
    """
    from titan_sdk.recording import process  # which imports this module to begin a replay

    with open(recording, encoding="utf-8") as lines:
        found = read_recording(lines, run_id=run_id)
    found.is_trusted = trusted
    if process.answers() is not None:
        raise NotReplayable("a replay is under way in this process: expected one at a time")
    replayed = Replay(found)
    sources = sys.modules.get("titan_sdk.sources")
    if sources is not None:
        sources.random.forget_seeds()
    with process.replaying(Answers(found, lambda line: replayed.calls.append(json.loads(line)))):
        yield replayed
