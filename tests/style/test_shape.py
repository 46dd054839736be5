"""Packages, modules and ports say what they are for."""

from __future__ import annotations

import ast

from tests.support.sources import python_sources, syntax_trees


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


def test_every_port_documents_its_contract() -> None:
    silent = [
        f"{path}:{node.lineno}: {node.name}"
        for path, tree in syntax_trees("src/titan/ports")
        for node in tree.body  # a method whose signature says everything may leave it at that
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_no_port_has_more_than_25_methods_of_its_own() -> None:
    large = [
        f"{path}: {node.name}"
        for path, tree in syntax_trees("src/titan/ports")
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and sum(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in node.body) > 25
    ]

    assert large == []
