"""What the documents name exists: targets, commands, options, pages and tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from scripts.status_diagrams import GUIDES, with_diagram
from tests.support.command_line import NOUNS
from tests.support.sources import ROOT, kept_texts
from titan.server.http.table import ROUTES, SOCKETS
from titan.settings import SETTINGS

DOCUMENT: Final = re.compile(r"^(?:README\.md|CHANGELOG\.md|docs/.*\.md)$")
LINK: Final = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.M)
PLACE: Final = re.compile(r"\]\((?!https?://)([^)#\s]*)#([^)\s]+)\)")
CODE: Final = re.compile(r"^```.*?^```", re.M | re.S)
MAKE_TARGET: Final = re.compile(r"(?:`|^|&& |… )make ([a-z][a-z-]*)", re.M)
#: A path from the root of the tree.
IN_THE_TREE: Final = re.compile(r"(?:src|sdk|tests|docs|console|examples|scripts|benchmarks|\.ci)/")
FILE: Final = re.compile(r"\.(?:py|sql|md|tsx?|css|toml|sh|ya?ml|json)$")
TEST: Final = re.compile(r"`(tests/[\w/]+(?:\.py)?)(?:::(\w+))?`")
#: `titan COMMAND …` at the start of a line of code or of a code span
TITAN_CALL: Final = re.compile(rf"(?:^|`)titan ((?:(?:{'|'.join(NOUNS)}) (?=[a-z]))?[a-z][a-z0-9]*)([^`\n|]*)", re.M)
#: An environment in which rich neither folds nor colours the help that is read here.
PLAIN_TERMINAL: Final = {"COLUMNS": "300", "TERM": "dumb", "NO_COLOR": "1"}


def documents() -> Iterator[tuple[str, str]]:
    return ((path, text) for path, text in kept_texts() if DOCUMENT.match(path))


def commands_named() -> dict[str, set[str]]:
    """Return the options that the documents name for each command of titan."""
    named: dict[str, set[str]] = {}
    for _, text in documents():
        for command, rest in TITAN_CALL.findall(text):
            options = re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest)
            named.setdefault(f"{command} list" if command in NOUNS else command, set()).update(options)
    return named


def test_every_make_target_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))

    missing = [
        f"{path}: make {target}"
        for path, text in documents()
        for target in MAKE_TARGET.findall(text)
        if target not in targets
    ]

    assert missing == []


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{path}: {link}"
        for path, text in documents()
        for link in LINK.findall(text)
        if not (ROOT / path).parent.joinpath(link).exists()
    ]

    assert broken == []


def headings(text: str) -> list[str]:
    return HEADING.findall(CODE.sub("", text))


def places(text: str) -> set[str]:
    """Return what follows the # in links to the headings of a document."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings(text)}


def test_no_document_has_two_sections_of_one_name() -> None:
    doubled = {
        f"{path}: {heading}"
        for path, text in documents()
        for heading, times in Counter(headings(text)).items()
        if times > 1
    }

    assert doubled == set()


def test_every_link_to_a_section_leads_to_one() -> None:
    broken = [
        f"{path}: {file}#{place}"
        for path, text in documents()
        for file, place in PLACE.findall(text)
        if place not in places((ROOT / path).parent.joinpath(file).read_text("utf-8") if file else text)
    ]

    assert broken == []


def test_every_test_a_document_names_exists() -> None:
    missing = [
        f"{path}: {file}::{name}"
        for path, text in documents()
        for file, name in TEST.findall(text)
        if not (ROOT / file).exists() or (name and f"def {name}(" not in (ROOT / file).read_text("utf-8"))
    ]

    assert missing == []


def test_every_file_a_decision_names_exists() -> None:
    names = {Path(path).name for path, _ in kept_texts() if path.startswith(("src/", "sdk/", "console/"))}

    missing = [
        f"{path}: {word}"
        for path, text in documents()
        if path.startswith("docs/decisions/")
        for span in re.findall(r"`([^`\n]+)`", text)
        for word in (word.partition("::")[0] for word in span.split())
        if IN_THE_TREE.match(word) or ("/" in word and FILE.search(word) and "<" not in word) or word in names
        if not (ROOT / word).exists()
    ]

    assert missing == []


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs/guide/settings.md").read_text("utf-8")

    missing = [
        setting.name
        for setting in SETTINGS
        if not re.search(rf"^\| `{setting.name}` \|.*{re.escape(setting.default)}", page, re.M)
    ]

    assert missing == []


def test_the_documented_requests_are_the_routes() -> None:
    page = (ROOT / "docs/guide/http.md").read_text("utf-8")

    routes = {f"{route.method} {route.path}" for route in ROUTES}

    assert set(re.findall(r"^\| `((?:GET|PUT|POST|DELETE) [^`]+)`", page, re.M)) == routes
    assert set(re.findall(r"^\| `WS ([^`]+)`", page, re.M)) == {socket.path for socket in SOCKETS}


def test_the_documents_name_commands() -> None:
    assert {"up", "workers join", "submit", "jobs list", "rerun"} <= set(commands_named())


@pytest.mark.parametrize("command", sorted(commands_named()))
def test_every_command_and_option_a_document_names_exists(command: str) -> None:
    call = [sys.executable, "-c", "from titan.cli import main; main()", *command.split(), "--help"]

    answer = subprocess.run(call, capture_output=True, text=True, env={**os.environ, **PLAIN_TERMINAL}, timeout=120)

    assert answer.returncode == 0, answer.stderr
    assert [option for option in sorted(commands_named()[command]) if option not in answer.stdout] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_the_diagram_of_statuses_is_the_table_that_decides_them(guide: Path) -> None:
    text = guide.read_text("utf-8")

    assert {"first-dag": "WAITING --> READY: JobReady", "runs": "ended --> running: began"}[guide.stem] in text
    assert text == with_diagram(text, GUIDES[guide]), "run: python scripts/status_diagrams.py"
