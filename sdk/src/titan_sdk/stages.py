"""The stages that this process submits, so that a run which broke off can be resumed without doing them twice.

A run that is resumed (`titan resume RUN`) starts its program again with TITAN_RESUME_RUN_ID set. The program
then takes the same way as before: `new_run_id` gives it the old run's id, and each stage that it submits is
compared with what the run has on record. A stage is the same when its DAG name, its content (scripts, arguments,
parents, all that is submitted) and its occurrence (the second submission of a name is not the first) are the same;
then its receipt comes from the record, and its finished jobs do not run again.
"""

from __future__ import annotations

import os
import sys

from titan_sdk.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from titan_sdk.wire import Orchestrator

RESUME = "TITAN_RESUME_RUN_ID"


class _Ledger:
    """What one process has submitted, and the run ids it was given."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.counts: dict[tuple[str | None, str], int] = {}
        self.issued: set[str] = set()


_ledger = _Ledger(os.getpid())


def new_run_id(agent: str) -> str:
    """Return an id for a new run of an agent: `new_run_id("RESEARCH")` -> "RESEARCH_3fa9c1".

    In a program that `titan resume` has started again (TITAN_RESUME_RUN_ID=RESEARCH_cb5e13), the first call with
    the agent of that run, RESEARCH, returns RESEARCH_cb5e13, and the run goes on; other agents and further calls
    get new ids.

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
    ledger = _own_ledger()
    resumed = os.environ.get(RESUME)
    is_resumed = resumed is not None and agent_of(resumed) == agent and resumed not in ledger.issued
    run_id = resumed if resumed is not None and is_resumed else f"{agent}_{os.urandom(3).hex()}"
    ledger.issued.add(run_id)
    return run_id


def agent_of(run_id: str) -> str:
    """Return the agent's name within a run id, as the server reads it: "RESEARCH_cb5e13" gives "RESEARCH"."""
    cut = max(run_id.rfind("_"), run_id.rfind("-"))
    return run_id[:cut].rstrip() if cut > 0 else run_id


class submission:  # noqa: N801  # used as a function: `with submission(run, name) as fields`
    """What the server is told about one submission of a stage, beside its jobs; counted once it succeeded.

    Raises, on entering:
        InvalidInput: a run is being resumed, and this is another one of the same agent.
    """

    def __init__(self, run_id: str | None, name: str) -> None:
        self._run_id = run_id
        self._key = (run_id, name)
        self._occurrence = 0

    def __enter__(self) -> dict[str, object]:
        resumed = os.environ.get(RESUME) or None
        ledger = _own_ledger()
        if resumed is not None and self._run_id is not None:
            _refuse_another_run(self._run_id, resumed, ledger.issued)
        # Counted before it is sent: two of a name that are under way at once are two.
        self._occurrence = ledger.counts.get(self._key, 0)
        ledger.counts[self._key] = self._occurrence + 1
        about_it: dict[str, object] = {}
        if self._occurrence:
            about_it["occurrence"] = self._occurrence
        if resumed is not None and self._run_id == resumed:
            about_it["resume"] = True
        orchestrator = None if self._run_id is None else this_program()
        if orchestrator is not None:
            about_it["orchestrator"] = orchestrator
        return about_it

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        counts = _own_ledger().counts
        if error is not None and counts.get(self._key) == self._occurrence + 1:
            counts[self._key] = self._occurrence  # a program that tries it again means the same submission


def this_program() -> Orchestrator | None:
    """Return how this program can be started again; None for a job, and for what a person types.

    Nothing of the environment is told: whoever resumes gives the program theirs.
    """
    if "TITAN_JOB_ID" in os.environ or not _can_be_started_again():
        return None
    return {
        "command": [sys.executable, *sys.orig_argv[1:]],
        "directory": os.getcwd(),
        "host": os.uname().nodename,
    }


def _can_be_started_again() -> bool:
    is_at_a_prompt = hasattr(sys, "ps1") or sys.flags.interactive or "ipykernel" in sys.modules
    from_standard_input = len(sys.orig_argv) < 2 or sys.argv[:1] in ([""], ["-"])
    return bool(sys.executable) and not is_at_a_prompt and not from_standard_input


def _refuse_another_run(run_id: str, resumed: str, issued: set[str]) -> None:
    if run_id == resumed or run_id in issued or agent_of(run_id) != agent_of(resumed):
        return
    raise InvalidInput(
        subject=f"run {run_id!r}",
        expected=f"stages of the run that is being resumed, {resumed!r} ({RESUME})",
        found="a run id of the program's own making, so that all its stages would be done again",
        next_step=f"Use titan_sdk.new_run_id({agent_of(resumed)!r}) for the id, or take it from an argument."
        " Nothing was submitted.",
    )


def _own_ledger() -> _Ledger:
    """Return this process's ledger: a forked child begins with an empty one."""
    global _ledger
    if _ledger.pid != os.getpid():
        _ledger = _Ledger(os.getpid())
    return _ledger
