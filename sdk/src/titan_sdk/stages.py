"""Environment variables and state of runs with stages: run ids, resuming, forks, replays and worlds.

`titan runs resume RUN` starts a run's program again with TITAN_RESUME_RUN_ID set. `new_run_id` then returns the old
run's id, and the server compares each stage that the program submits with those on record. A stage is the same when its
DAG name, its content (scripts, arguments, parents, everything submitted) and its occurrence (the second submission of a
name is not the first) are the same; then its receipt comes from the record, and its finished jobs do not run again.
"""

from __future__ import annotations

import os
import sys

from titan_sdk.errors import InvalidInput
from titan_sdk.switches import is_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from titan_sdk.wire import Orchestrator

RESUME = "TITAN_RESUME_RUN_ID"
#: Names the file of a fork's `Plan`. Not TITAN_…, for a job's environment cannot hold such names.
FORK = "_TITAN_FORK"
FORK_RUN = "_TITAN_FORK_RUN_ID"  # the id of the run that a fork's program is to begin
WORLD = "_TITAN_WORLD"  # the agent run whose world answers the calls of tools
WORLD_TOKEN = "_TITAN_WORLD_TOKEN"  # its name, no token
WORLD_TASK = "WORLD_TASK"  # the agent's task, as JSON
REPLAYED = "TITAN_REPLAY_RUN"
#: In a job of a run that is replayed as a whole: the variables TITAN_REPLAY… as a JSON object.
REPLAY = "_TITAN_REPLAY"
_STARTS = ("PYTHONPATH", "PYTHONHASHSEED")  # they begin a replay before the first import


#: How often this process submitted a stage, by run and name, and the run ids that it was given.
_counts: dict[tuple[str | None, str], int] = {}
_issued: set[str] = set()


def new_run_id(agent: str) -> str:
    """Return an id for a new run of an agent: `new_run_id("RESEARCH")` -> "RESEARCH_3fa9c1".

    In a program that `titan runs resume` has started again (TITAN_RESUME_RUN_ID=RESEARCH_cb5e13), the first call with
    the agent of that run, RESEARCH, returns RESEARCH_cb5e13, and the run goes on; other agents and further calls
    get new ids. The same holds for a replay.

    Raises:
        InvalidInput: `agent` is empty.
    """
    if not agent:
        raise InvalidInput(
            subject="new_run_id",
            expected="the agent's name, such as 'RESEARCH'",
            found=repr(agent),
            next_step="Correct it.",
        )
    run_id = given_run_id(agent) or f"{agent}_{os.urandom(3).hex()}"
    _issued.add(run_id)
    return run_id


def given_run_id(agent: str | None = None) -> str | None:
    """Return the id of the run to resume, replay or fork, to the first caller; else None.

    `agent` must be the agent of that run.
    """
    given = os.environ.get(RESUME) or os.environ.get(FORK_RUN) or os.environ.get(REPLAYED)
    if not given or given in _issued or "TITAN_JOB_ID" in os.environ:
        return None
    if agent is not None and agent_of(given) != agent:
        return None
    _issued.add(given)
    return given


def inherited_environment() -> dict[str, str]:
    """Return the variables for a job that this process submits, so that it joins the same fork, replay or world.

    If there are any, the job starts in a cold interpreter: answers must begin before the program's imports.
    """
    in_world = {name: os.environ[name] for name in (WORLD, WORLD_TOKEN, WORLD_TASK) if name in os.environ}
    return forked_environment() or in_world


def forked_environment() -> dict[str, str]:
    """Return the variables for a job that this process submits, so that it joins the same fork or replay.

    Stages of a resumed run must equal the recorded ones, so that completed ones are recognised.
    """
    forked = {FORK: os.environ[FORK]} if FORK in os.environ and not os.environ.get(RESUME) else {}
    return forked | replayed_environment(os.environ)


def replayed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a job of a run that is replayed as a whole; {} outside of such a replay."""
    settings = environment.get(REPLAY)
    if settings is None and is_on("TITAN_REPLAY_WHOLE", environment):
        import json

        settings = json.dumps({name: value for name, value in environment.items() if name.startswith("TITAN_REPLAY")})
    if settings is None:
        return {}
    return {REPLAY: settings, **{name: environment[name] for name in _STARTS if name in environment}}


def agent_of(run_id: str) -> str:
    """Return the agent's name within a run id, as the server reads it: "RESEARCH_cb5e13" gives "RESEARCH"."""
    cut = max(run_id.rfind("_"), run_id.rfind("-"))
    return run_id[:cut].rstrip() if cut > 0 else run_id


def script_name() -> str:
    """Return the script's name without folder and suffix."""
    script = os.path.basename(sys.argv[0]) if sys.argv else ""
    if script in ("-", "-c"):  # read from standard input, or written on the command line
        return "python"
    return os.path.splitext(script)[0] or "python"


class submission:  # noqa: N801  # used as a function: `with submission(run, name) as fields`
    """The extra fields of one submission of a stage; counted unless it fails.

    Raises, on entering:
        InvalidInput: a run is being resumed, and this is another one of the same agent.
    """

    def __init__(self, run_id: str | None, name: str) -> None:
        self._run_id = run_id
        self._key = (run_id, name)
        self._occurrence = 0

    def __enter__(self) -> dict[str, object]:
        resumed = os.environ.get(RESUME) or None
        if resumed is not None and self._run_id is not None:
            _refuse_another_run(self._run_id, resumed)
        # Counted before it is sent: two concurrent submissions of a name are two.
        self._occurrence = _counts.get(self._key, 0)
        _counts[self._key] = self._occurrence + 1
        fields: dict[str, object] = {"program": script_name()}
        if self._occurrence:
            fields["occurrence"] = self._occurrence
        if resumed is not None and self._run_id == resumed:
            fields["resume"] = True
        orchestrator = None if self._run_id is None else this_program()
        if orchestrator is not None:
            fields["orchestrator"] = orchestrator
        return fields

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and _counts.get(self._key) == self._occurrence + 1:
            _counts[self._key] = self._occurrence  # a program that retries means the same submission


def this_program() -> Orchestrator | None:
    """Return the command that starts this program again; None for a job, and at a prompt.

    It names no environment variables: whoever resumes the run sets them.
    """
    is_at_a_prompt = hasattr(sys, "ps1") or sys.flags.interactive or "ipykernel" in sys.modules
    from_standard_input = len(sys.orig_argv) < 2 or sys.argv[:1] in ([""], ["-"])
    if "TITAN_JOB_ID" in os.environ or not sys.executable or is_at_a_prompt or from_standard_input:
        return None
    return {
        "command": [sys.executable, *sys.orig_argv[1:]],
        "directory": os.getcwd(),
        "host": os.uname().nodename,
    }


def _refuse_another_run(run_id: str, resumed: str) -> None:
    if run_id == resumed or run_id in _issued or agent_of(run_id) != agent_of(resumed):
        return
    raise InvalidInput(
        subject=f"run {run_id!r}",
        expected=f"stages of the run that is being resumed, {resumed!r} ({RESUME})",
        found="a run id of the program's own making, so that all its stages would be done again",
        next_step=f"Use titan_sdk.new_run_id({agent_of(resumed)!r}) for the id, or take it from an argument."
        " Nothing was submitted.",
    )


def _reset_after_fork() -> None:
    _counts.clear()
    _issued.clear()


os.register_at_fork(after_in_child=_reset_after_fork)
