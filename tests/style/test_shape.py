"""Code stays small enough to be read: the limits of the style guide that no linter holds."""

from __future__ import annotations

import ast
from typing import Final

from tests.support.sources import ROOT, python_sources, syntax_trees

LONGEST_FUNCTION_LINES: Final = 60  # issue 2, item 1; decorators are not counted, docstrings are
LONGEST_MODULE_LINES: Final = 500


def test_no_function_is_longer_than_sixty_lines() -> None:
    too_long = [
        f"{path}:{node.lineno} {node.name} has {lines} lines"
        for path, tree in syntax_trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION_LINES
    ]

    assert too_long == []


def test_no_module_is_longer_than_five_hundred_lines() -> None:
    too_long = [
        f"{path} has {lines} lines"
        for path, text in python_sources()
        if (lines := len(text.splitlines())) > LONGEST_MODULE_LINES
    ]

    assert too_long == []


def test_every_package_holds_more_than_its_own_name() -> None:
    sources = dict(python_sources("src", "sdk"))
    packages = [path.removesuffix("__init__.py") for path in sources if path.endswith("/__init__.py")]

    empty = [
        package
        for package in packages
        if not sources[f"{package}__init__.py"].strip()
        and not any(path.startswith(package) and path != f"{package}__init__.py" for path in sources)
    ]

    assert empty == []


def test_every_module_says_its_idea_first() -> None:
    silent = [path for path, tree in syntax_trees("src", "sdk") if tree.body and not ast.get_docstring(tree)]

    assert silent == []


def test_every_port_says_what_it_promises() -> None:
    ports = ROOT / "src/titan/ports.py"
    tree = ast.parse(ports.read_text("utf-8"))

    silent = [
        f"line {node.lineno}: {node.name}"
        for node in tree.body  # a method whose signature says everything may leave it at that
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]

    assert silent == []
