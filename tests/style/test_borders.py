"""What may not stand in the repository: other people's machines, foreign imports, work left undone."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from typing import Any, Final

from tests.support.sources import ROOT, imported_packages, kept_texts, python_sources, syntax_trees

# Written so that neither pattern matches this file.
MACHINE_PATH: Final = re.compile(r"(?<![\w.>])/(?:work|farm|root|tmp/titan)/[a-z.]")
REGISTRY_HOST: Final = re.compile(r"(?:pypi\.(?:org|python)|pythonhosted\.|registry\.(?:npmjs|yarnpkg))")
#: More of a kernel's release than `Linux 6.8`: the rest names a distribution or a cloud.
KERNEL_RELEASE: Final = re.compile(r"\b(?:Linux|Darwin) \d+\.\d+[.\-]\w+")
LEFT_UNDONE: Final = re.compile(
    r"\b(?:TO"
    + r"DO|FIX"
    + r"ME|XX"
    + r"X)\b(?!\(#\d+\))|NotImplemented"
    + r"Error|pytest\.(?:skip|xfail)\(|mark\.(?:skip|xfail)"
)
#: Where the import's name is not the distribution's.
DISTRIBUTION_OF: Final = {
    "yaml": "pyyaml",
    "google": "protobuf",
    "opentelemetry": "opentelemetry-proto",
    "re2": "google-re2",
    "rpds": "rpds-py",
}


def test_of_the_kernel_of_a_measurement_no_more_is_kept_than_its_major_and_minor_version() -> None:
    found = [f"{path}: {match.group()}" for path, text in kept_texts() for match in KERNEL_RELEASE.finditer(text)]

    assert found == []


def test_git_ignores_files_that_programs_leave_in_the_checkout() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()

    assert {".agent-sentinel/", ".titan/", "/.demo/", "/titan_workspace/"} <= set(ignored)


def test_no_path_of_a_machine_and_no_host_of_a_registry_is_kept() -> None:
    found = [
        f"{path}: {match.group()}"
        for path, text in kept_texts()
        for pattern in (MACHINE_PATH, REGISTRY_HOST)
        if (match := pattern.search(text))
    ]

    assert found == []


def test_the_lock_names_no_place_to_fetch_from_and_pins_every_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    requirements = re.findall(r"^[a-z][^\n]*\n(?: +--hash[^\n]*\n)*", lock, re.M)

    unpinned = [line for line in requirements if "==" not in line or "--hash=sha256:" not in line]

    assert unpinned == []
    assert not re.search(r"^\s*-", lock.replace("    --hash", ""), re.M)


def test_no_lock_holds_an_address() -> None:
    found = [
        f"{path}: {line.strip()}"
        for path, text in kept_texts()
        if path.endswith(("-lock.json", ".lock"))
        for line in text.splitlines()
        if "://" in line
    ]

    assert found == []


def test_nothing_is_left_undone_or_skipped() -> None:
    found = [f"{path}: {match.group()}" for path, text in python_sources() if (match := LEFT_UNDONE.search(text))]

    assert found == []


def test_the_sdk_imports_only_the_standard_library_and_its_extras_where_they_are_used() -> None:
    allowed = sys.stdlib_module_names | {"titan_sdk", "re2"}
    of_extras = {("sdk/src/titan_sdk/http/async_client.py", "httpx")}

    foreign = [
        f"{path}:{line} {name}"
        for path, tree in syntax_trees("sdk")
        for line, name in imported_packages(tree)
        if name not in allowed and (path, name) not in of_extras
    ]

    assert foreign == []


def test_titan_imports_only_declared_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    allowed = sys.stdlib_module_names | {"titan", "titan_sdk"} | _declared_imports(project)

    undeclared = [
        f"{path}:{line} {name}"
        for path, tree in syntax_trees("src/titan")
        for line, name in imported_packages(tree)
        if DISTRIBUTION_OF.get(name, name).replace("-", "_") not in allowed
    ]

    assert undeclared == []


def test_no_test_patches_its_subject() -> None:
    patched = [
        f"{path}:{node.lineno}"
        for path, tree in syntax_trees("tests")
        for node in ast.walk(tree)
        if (isinstance(node, ast.arg) and node.arg == "monkeypatch")
        or (isinstance(node, ast.ImportFrom) and node.module in {"unittest", "unittest.mock"})
        or (isinstance(node, ast.Import) and any(alias.name == "unittest.mock" for alias in node.names))
    ]

    assert patched == []


def test_no_test_sleeps_instead_of_waiting_for_something() -> None:
    sleeping = [
        f"{path}:{node.lineno}"
        for path, tree in syntax_trees("tests")
        if not path.startswith("tests/support/")  # where the waiting with a deadline is written, once
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
    ]

    assert sleeping == []


def _declared_imports(project: dict[str, Any]) -> set[str]:
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["local"], *extras["ray"], *extras["postgres"]]
    return {re.split(r"[^A-Za-z0-9_-]", line, maxsplit=1)[0].lower().replace("-", "_") for line in lines}
