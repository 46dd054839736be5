"""No process that a test starts can be waited for without end, and none is left out in silence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tests.support.sources import syntax_trees

#: Functions of `subprocess` that return when a program has ended.
RUNNING: Final = {"run", "call", "check_call", "check_output"}
#: Methods of processes, events and barriers that wait, and which of their arguments says for how long.
WAITING: Final = {"wait": 1, "communicate": 2}
#: What ends when it is told, and counts processes that are gone already.
MAY_WAIT: Final = {"benchmarks/fork_loop.py", "benchmarks/rivals/drivers/dbos_worker.py"}
#: What the mark `needs` is about, and what starts Chromium.
MAY_LOOK: Final = {"tests/conftest.py", "tests/browser/conftest.py", "tests/support/another_user.py"}


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Yield each call of something with a dot outside of coroutines, and the name behind the dot.

    A coroutine waits for events of its own; ruff sees that it waits for no process (ASYNC).
    """
    places: list[ast.AST] = [tree]
    while places:
        for node in ast.iter_child_nodes(places.pop()):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield node, node.func.attr
            if not isinstance(node, ast.AsyncFunctionDef):
                places.append(node)


def is_limited(call: ast.Call, name: str) -> bool:
    is_said = any(word.arg == "timeout" for word in call.keywords)
    return is_said or (name in WAITING and len(call.args) >= WAITING[name])


def is_endless(call: ast.Call, name: str) -> bool:
    is_run = name in RUNNING and ast.unparse(call.func) == f"subprocess.{name}"
    return (is_run or name in WAITING) and not is_limited(call, name)


def test_every_process_is_waited_for_with_a_limit() -> None:
    endless = [
        f"{path}:{call.lineno}: {ast.unparse(call.func)} without timeout="
        for path, tree in syntax_trees("tests", "examples", "scripts", "benchmarks")
        if path not in MAY_WAIT
        for call, name in calls(tree)
        if is_endless(call, name)
    ]

    assert endless == []


def test_no_block_ends_by_waiting_for_a_process_without_end() -> None:
    """`with subprocess.Popen(…)` waits at the end of the block for as long as the process likes."""
    endless = [
        f"{path}:{item.context_expr.lineno}: with subprocess.Popen: use a_process of tests/support/processes.py"
        for path, tree in syntax_trees("tests", "examples", "scripts")
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        for item in node.items
        if isinstance(item.context_expr, ast.Call) and ast.unparse(item.context_expr.func) == "subprocess.Popen"
    ]

    assert endless == []


def test_a_test_looks_for_no_program_itself() -> None:
    """The mark `needs` does, which `.ci/run` turns into a failure where the program is missing."""
    looking = [
        f"{path}:{call.lineno}: {ast.unparse(call.func)}: mark the test with needs(PROGRAM)"
        for path, tree in syntax_trees("tests")
        if path not in MAY_LOOK
        for call, name in calls(tree)
        if name == "which"
    ]

    assert looking == []
