"""Runs, to which the actions of a program belong.

    with titan_sdk.run(agent_id="RESEARCH", session_id="chat-7"):
        …                                   # ends as completed, or as failed with the exception that leaves the block

A thread that was started without a context belongs to the only open run of the process, if there is exactly one.
Outside of all blocks, actions belong to the run of the job that this process is, or else to a run of the process's own,
named `<script>-<time>-<random>`, which ends with the process. A job never ends the run it belongs to: its DAG does, or
the DAGs that its agent run submitted.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from threading import current_thread, main_thread
from typing import NamedTuple

from titan_sdk.recording import process, program, redact
from titan_sdk.recording.calls import LONGEST_MESSAGE, frames_of, line, traceback_text
from titan_sdk.recording.entries import ID_LIMIT, NAME_LIMIT, TAG_LIMIT, Entry, Lost, id_line
from titan_sdk.recording.validation import check_tags
from titan_sdk.run_end import ending_of, words_of
from titan_sdk.stages import given_run_id, new_run_id, script_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random
    from types import TracebackType

    from titan_sdk.recording.calls import Frame
    from titan_sdk.run_end import Ending

AGENT_ID = "TITAN_AGENT_ID"
PROJECT = "TITAN_PROJECT"
_LONGEST_REASON = 1000


class Run:
    """A run as this process knows it."""

    __slots__ = ("agent_id", "generator", "id", "is_ours", "process_id", "project", "session_id")

    def __init__(self, run_id: str, agent_id: str | None, *, is_ours: bool, project: str | None = None) -> None:
        self.id = id_line(process.own_run_id(run_id), ID_LIMIT)
        self.agent_id = None if agent_id is None else line(agent_id, NAME_LIMIT)
        #: whether this process ends it
        self.is_ours = is_ours
        self.process_id = os.getpid()
        self.project = _project(project)
        self.session_id: str | None = None
        #: of `titan_sdk.random`
        self.generator: tuple[int, Random] | None = None

    def __repr__(self) -> str:
        return f"<titan_sdk.Run {self.id!r} of {self.agent_id!r}>"


class _Failure(NamedTuple):
    """An exception that left a block, without the exception and its frames."""

    kind: str
    message: str
    frames: Sequence[Frame]


class RunReport:
    """A report about a run."""

    __slots__ = ("_at_ns", "_failure", "_fields", "_run")

    def __init__(self, run: Run, failure: _Failure | None = None, /, **fields: object) -> None:
        """`failure` is the exception that ended the run."""
        self._run = run
        self._failure = failure
        self._fields = fields
        self._at_ns = time.time_ns()

    @property
    def lost(self) -> Lost:
        """How it is counted where it cannot be recorded."""
        return Lost(self._run.id, self._at_ns)

    def entry(self) -> Entry:
        """Return it as an entry."""
        known = {"run_id": self._run.id, "agent_id": self._run.agent_id, "project": self._run.project, **self._fields}
        fields: dict[str, object] = {"type": "run", "at_ns": self._at_ns}
        fields |= {name: _clean(name, value) for name, value in known.items() if value is not None}
        payloads: dict[str, str] = {}
        if self._failure is not None:
            traceback = traceback_text(self._failure.frames, self._failure.kind, self._failure.message)
            payloads["details"] = json.dumps({"traceback": traceback})
            redact.leave_out_bodies(fields, payloads)
        return Entry(fields, payloads, redactor=redact.of_process())


class run:  # noqa: N801  # used as a function: `with run(…) as current`
    """The run of the actions in a block; `async with` works, too.

        with titan_sdk.run(agent_id="RESEARCH") as run:
            print(run.id)                   # RESEARCH_3fa9c1

    Args:
        agent_id: the agent's name; by default TITAN_AGENT_ID, else the script's name. A job's run has the one of its
            submission.
        run_id: an id, also of a run that exists; by default that of the job that this process is, which does not end
            with the block; else a new one.
        session_id: groups runs, such as those of one conversation; by default that of the surrounding run, "" for none.
        name: a display name.
        tags: words to find it by.
        project: the run's project; by default that of the surrounding run, else TITAN_PROJECT. The server may be
            configured to store no inputs and outputs of a project.
        freeze_sources: record also what the program's own code reads of the standard library's clock, `uuid`, `random`
            and environment, so that a replay gives the same values; variables that hold secrets are not recorded.

    Raises:
        ValueError: `run_id` is empty.
        TypeError: `tags` is one text.
    """

    def __init__(
        self,
        agent_id: str | None = None,
        run_id: str | None = None,
        *,
        session_id: str | None = None,
        name: str | None = None,
        tags: Sequence[str] = (),
        project: str | None = None,
        freeze_sources: bool = False,
    ) -> None:
        check_tags(tags)
        if run_id == "":
            raise ValueError("run_id='': expected an id, or None for a new one")
        self._run = _run_of(agent_id, run_id, project)
        self._has_project = bool(project)
        self._session_id = session_id and id_line(session_id, ID_LIMIT)
        self._fields = {"name": name, "tags": list(tags) or None}
        self._outer: Run | None = None
        self._freezes_sources = freeze_sources

    def __enter__(self) -> Run:
        self._outer = _current.get()
        _current.set(self._run)
        _open.append(self._run)
        process.pass_to_children(_passed_to_children)
        outer = self._outer or _of_parent()
        around = None if outer is None else outer.session_id
        if outer is not None and not self._has_project:
            self._run.project = outer.project
        self._run.session_id = (around if self._session_id is None else self._session_id) or None
        process.put(RunReport(self._run, session_id=self._run.session_id, **self._fields))
        program.report(self._run)
        if self._run.is_ours:
            process.end_run_at_exit(id(self._run), partial(_end, self._run))
        if self._freezes_sources:
            from titan_sdk import sources

            sources.freeze()
        return self._run

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._freezes_sources:
            from titan_sdk import sources

            sources.thaw()
        if _current.get() is self._run:
            _current.set(self._outer)
        with suppress(ValueError):  # a forked child ends it once more than it began it
            _open.remove(self._run)
        if self._run.is_ours and self._run.process_id == os.getpid():
            process.forget_run(id(self._run))
            _end(self._run, ending_of(error), error)

    async def __aenter__(self) -> Run:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def current_run() -> Run:
    """Return the run of the caller's actions; the first call without one begins the process's own."""
    return open_run() or _of_parent() or _of_process.get("run") or _begin_of_process()


def open_run() -> Run | None:
    """Return the run of the `with` block that the caller is in; None outside of all. Begins none."""
    found = _current.get()
    return found if found is not None or not _open else _of_bare_thread()


_current: ContextVar[Run | None] = ContextVar("titan_run", default=None)
_of_process: dict[str, Run] = {}
#: Runs that parent processes passed on. One object for each: actions compare by identity.
_of_parents: dict[tuple[str | None, ...], Run] = {}
#: In a forked process: the run in whose block it was forked.
_forked_in: Run | None = None
#: The runs of all open blocks of the process.
_open: list[Run] = []
#: Set in the program's context, so in all copies of it: those of tasks, and of threads that frameworks run in a copy. A
#: plain thread of `threading.Thread` or `ThreadPoolExecutor` does not have it.
_has_context: ContextVar[bool] = ContextVar("titan_program", default=False)
_has_context.set(True)


def _of_bare_thread() -> Run | None:
    """Return the only open run, if the caller's thread was started without a context.

    With several open runs, a thread's run is unknown; and code that has a context outside of all runs, such as a web
    server's request, belongs outside.
    """
    if _has_context.get() or current_thread() is main_thread():
        return None
    found = tuple(_open)
    is_one = bool(found) and all(each.id == found[0].id for each in found)
    return found[0] if is_one else None


def _passed_to_children() -> tuple[str | None, ...]:
    """Return what a child process gets of its run; () outside of all. A job's run is in its environment already."""
    found = open_run() or _of_parent()
    return () if found is None else (found.id, found.agent_id, found.session_id, found.project)


def _of_parent() -> Run | None:
    """Return the run in whose block `multiprocessing` started this process."""
    if not process.is_child_process():
        return None
    passed = process.passed_by_parent()
    if _forked_in is not None or not passed:
        return _forked_in
    if passed not in _of_parents:
        run_id, agent_id, session_id, project = passed
        found = Run(run_id, agent_id, is_ours=False, project=project)
        found.session_id = session_id
        _of_parents.setdefault(passed, found)
    return _of_parents[passed]


def _note_fork() -> None:
    global _forked_in
    _forked_in = open_run()


def _forget_fork() -> None:
    global _forked_in
    _forked_in = None


def _begin_of_process() -> Run:
    job_run = _run_of_job()
    if job_run is not None:
        found = _of_process.setdefault("run", Run(job_run, None, is_ours=False))
        program.report(found)
        return found
    script = script_name()
    run_id = given_run_id() or f"{script[:150]}-{time.strftime('%Y%m%dT%H%M%S')}-{os.urandom(3).hex()}"
    mine = Run(run_id, os.environ.get(AGENT_ID) or script, is_ours=True)
    found = _of_process.setdefault("run", mine)
    if found is mine:  # no other thread was faster
        process.put(RunReport(mine))
        program.report(mine)
        process.end_run_at_exit(process.OWN_RUN, partial(_end, mine))
    return found


def _run_of(agent_id: str | None, run_id: str | None, project: str | None) -> Run:
    job_run = _run_of_job()
    if run_id is None and job_run is not None:
        return Run(job_run, agent_id, is_ours=False, project=project)
    agent = agent_id or os.environ.get(AGENT_ID) or script_name()
    if run_id is None:
        run_id = new_run_id(agent)
    return Run(run_id, agent, is_ours=run_id != job_run, project=project)


def _project(given: str | None) -> str | None:
    """Return a project's name as the server accepts it: the given one, else the environment's; None for none."""
    name = given or os.environ.get(PROJECT)
    return line(name.strip(), TAG_LIMIT) if name and name.strip() else None


def _run_of_job() -> str | None:
    """Return the run of the job that this process is; None outside of jobs.

    It is the job's agent run, else the run that the server names by the id of the DAG, with which the job's id begins.
    """
    run_id = os.environ.get("TITAN_AGENT_RUN_ID")
    job_id = os.environ.get("TITAN_JOB_ID")
    if run_id or not job_id:
        return run_id or None
    return os.environ.get("TITAN_DAG_ID") or job_id.rpartition(".")[0] or job_id


def _end(mine: Run, ending: Ending, error: BaseException | None = None) -> None:
    failure = None
    if error is not None and not isinstance(error, GeneratorExit | SystemExit):
        failure = _Failure(type(error).__name__, words_of(error, LONGEST_MESSAGE), frames_of(error))
    process.put(RunReport(mine, failure, end=ending.end, reason=ending.reason or None))


def _clean(name: str, value: object) -> object:
    if isinstance(value, str):
        return line(value, _LONGEST_REASON if name == "reason" else NAME_LIMIT)
    return [line(item, TAG_LIMIT) for item in value] if isinstance(value, list) else value


os.register_at_fork(before=_note_fork, after_in_parent=_forget_fork)
