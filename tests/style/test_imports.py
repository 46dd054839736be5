"""No module imports itself by way of others: neither in Python nor in the console."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from posixpath import dirname, normpath, splitext
from typing import Final

from tests.support.sources import kept_texts, syntax_trees

IMPORT_OF_CONSOLE: Final = re.compile(
    r"""^(?:import|export)\s(?!type\s)(?:[^;"']*?\sfrom\s)?["'](\.[^"']+)["']""", re.M
)


def test_no_python_module_imports_itself_by_way_of_others() -> None:
    trees = {_module_of(path): tree for path, tree in syntax_trees("src", "sdk/src")}
    imports = {name: {found for found in _imported(tree, trees) if found != name} for name, tree in trees.items()}

    assert _cycle_in(imports) == []


def test_no_module_of_the_console_imports_itself_by_way_of_others() -> None:
    texts = {path: text for path, text in kept_texts() if re.match(r"console/src/.*\.tsx?$", path)}
    by_name = {splitext(path)[0]: path for path in texts}
    imports = {
        path: {
            by_name[name]
            for found in IMPORT_OF_CONSOLE.finditer(text)
            if (name := normpath(f"{dirname(path)}/{found[1]}")) in by_name
        }
        for path, text in texts.items()
    }

    assert sum(map(len, imports.values())) > len(texts)  # they were found
    assert _cycle_in(imports) == []


def _module_of(path: str) -> str:
    return (
        path.removeprefix("sdk/").removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    )


def _imported(tree: ast.Module, modules: Iterable[str]) -> Iterator[str]:
    """Yield the modules that this one imports while it is imported: not in functions, nor for types alone."""
    for node in _run_at_import(tree.body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                if below in modules:
                    yield below
                elif node.module in modules:
                    yield node.module


def _run_at_import(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from _run_at_import(node.orelse)
            continue
        yield node
        yield from _run_at_import(ast.iter_child_nodes(node))


def _cycle_in(imports: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the modules of one cycle, the first also last; empty where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as cycle:
        return list(cycle.args[1])
    return []
