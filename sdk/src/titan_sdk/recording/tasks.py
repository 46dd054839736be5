"""Paths of tasks and threads that are the same in every execution of a program: where an action runs.

    ""        code of the main thread that runs in no task
    "1"       the first task of its event loop, which `asyncio.run` makes
    "1.2"     the second task that task 1 made
    "/pool"   a thread named pool, or any of the pool whose threads are named pool_0, pool_1, …
    "/pool/1" the first task of an event loop in such a thread
    "1/pool"  such a thread, in a copy of the context of task 1, as `asyncio.to_thread` makes it

In a job, paths begin with the names of its DAG and job, as in "RESEARCH_3fa9c1_PLAN planner:1.2", and from the second
attempt on with its number: "… planner#2:1.2".

Tasks are numbered in the order of their creation, by a task factory that the first action sets on the event loop; tasks
that exist by then are numbered as asyncio named them.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from contextvars import ContextVar, copy_context
from hashlib import blake2b
from threading import current_thread, main_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from typing import Any

LONGEST = 120  # characters; a task that makes the next one, and so on, would have a path of any length
_POOLED = re.compile(r"[-_]\d+\Z")
_SEPARATORS = str.maketrans(":/", "  ")
_NAMED = re.compile(r"Task-(\d+)\Z")
#: The path of the current task; threads that run in a copy of its context have it, too.
_inherited: ContextVar[str] = ContextVar("titan_task_path", default="")


def task_path() -> str:
    """Return the path of the current task or thread."""
    tasks = sys.modules.get("asyncio.tasks")
    if tasks is not None:
        loop = tasks.events._get_running_loop()
        task = None if loop is None else tasks.current_task(loop)
        if task is not None:
            path = _path_of(task) or _number_all(loop, task)
            if _inherited.get() != path:
                _inherited.set(path)
            return path
    thread = current_thread()
    path = _inherited.get() or own_program()
    return path if thread is main_thread() else f"{path}/{_POOLED.sub('', thread.name)}"


def program_of(path: str) -> str:
    """Return the part of a path that names the program: a job's name and attempt; "" outside of jobs."""
    return path[: path.find(":") + 1]


def own_program() -> str:
    """Return the name of this process's program; see `program_of`."""
    global _program
    if _program is None:
        known = os.environ
        names = f"{known.get('TITAN_DAG', '')} {known.get('TITAN_JOB_NAME', '')}".translate(_SEPARATORS)
        attempt = known.get("TITAN_ATTEMPT", "1")
        again = "" if attempt == "1" else f"#{attempt}"
        _program = f"{names[:LONGEST]}{again}:" if "TITAN_JOB_ID" in known else ""
    return _program


def _forget_program() -> None:
    """Reset in a forked child: a warm interpreter's child gets its job after the fork."""
    global _program
    _program = None


def _path_of(task: Task[Any]) -> str | None:
    path: str | None = getattr(task, "_titan_path", None)
    return path


def _number_all(loop: AbstractEventLoop, current: Task[Any]) -> str:
    """Number a loop's tasks that have no path yet, and all future ones; return the current task's path."""
    root = _root()
    for task in sorted(sys.modules["asyncio.tasks"].all_tasks(loop), key=_order):
        if _path_of(task) is None:
            _number(task, loop, root)
    _make_numbered(loop)
    return _path_of(current) or root.rstrip("/")


def _root() -> str:
    """Return the prefix of the paths of a loop's tasks."""
    thread = current_thread()
    return own_program() if thread is main_thread() else f"{own_program()}/{_POOLED.sub('', thread.name)}/"


def _order(task: Task[Any]) -> tuple[bool, int, str]:
    name = task.get_name()
    named = _NAMED.match(name)
    return named is None, int(named[1]) if named else 0, name


def _number(task: Task[Any], maker: Any, prefix: str) -> None:
    """Give a task the next number of its creator: another task, or the loop."""
    with suppress(AttributeError):  # the program's own task class may accept no attributes
        number = getattr(maker, "_titan_made", 0) + 1
        maker._titan_made = number
        path = f"{prefix}{number}"
        if len(path) > LONGEST:
            path = f"{own_program()}~{blake2b(path.encode(), digest_size=12).hexdigest()}"
        task._titan_path = path  # type: ignore[attr-defined]


def _make_numbered(loop: AbstractEventLoop) -> None:
    before = loop.get_task_factory()
    if getattr(before, "is_of_titan", False):
        return
    tasks = sys.modules["asyncio.tasks"]
    root = _root()

    def numbered(loop: AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        own = copy_context() if before is None and options.get("context") is None else None
        if own is not None:
            options["context"] = own
        task: Any = (
            tasks.Task(coroutine, loop=loop, **options) if before is None else before(loop, coroutine, **options)
        )
        maker: Any = tasks.current_task(loop)
        path = None if maker is None else _path_of(maker)
        if _path_of(task) is None:
            _number(task, loop if path is None else maker, root if path is None else f"{path}.")
        if own is not None:  # for threads that run in a copy of it before the task's own first action
            own.run(_inherited.set, _path_of(task) or "")
        return task

    numbered.is_of_titan = True  # type: ignore[attr-defined]
    loop.set_task_factory(numbered)


_program: str | None = None
os.register_at_fork(after_in_child=_forget_program)
