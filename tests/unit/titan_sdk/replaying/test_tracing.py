"""The statements of a program's own files, and the variables that each changed."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from titan_sdk.replaying.tracing import Tracer

PROGRAM = """\
def pick(tags):
    first = sorted(tags)[0]
    for number in range(2):
        total = number + 1
    return first
chosen = pick({"b", "a"})
items = []
items.append(chosen)
"""


def traced(folder: Path, text: str, *, within: Path | None = None) -> list[list[Any]]:
    """Run a program traced, and return its statements: [file, line, function, {variable: [digest, shown]}]."""
    (folder / "program.py").write_text(text)
    lines: list[str] = []
    tracer = Tracer(str(within or folder), lines.append)
    tracer.start()
    try:
        runpy.run_path(str(folder / "program.py"))
    finally:
        tracer.stop()
    return [json.loads(line) for line in lines]


def test_each_statement_lists_its_changed_variables(tmp_path: Path) -> None:
    found = traced(tmp_path, PROGRAM)

    changes = [
        (line, function, {name: shown for name, (_, shown) in changed.items()}) for _, line, function, changed in found
    ]
    assert (2, "pick", {"first": '"a"'}) in changes
    assert [changed for line, _, changed in changes if line == 4] == [{"total": "1"}, {"total": "2"}]
    assert (5, "pick", {"return": '"a"'}) in changes
    assert (6, "<module>", {"chosen": '"a"'}) in changes
    assert (8, "<module>", {"items": '["a"]', "return": "null"}) in changes
    assert {file for file, *_ in found} == {"program.py"}


def test_the_order_of_a_set_is_no_change_but_an_element_taken_from_it_is(tmp_path: Path) -> None:
    one, other = (
        traced(tmp_path, f"tags = {tags}\nfirst = list(tags)[0] if 0 else {first!r}\n")
        for tags, first in (('{"a", "b"}', "a"), ('{"b", "a"}', "b"))
    )

    assert one[1] == other[1]
    assert one[2] != other[2]


def test_objects_known_by_their_repr_are_compared_by_type_alone(tmp_path: Path) -> None:
    text = "import threading\nclass Job:\n    def __repr__(self):\n        return {!r}\njob = Job()\n"

    one, other = (traced(tmp_path, text.format(state)) for state in ("running", "finished"))

    digests = [[changed["job"][0] for *_, changed in found if "job" in changed] for found in (one, other)]
    assert digests[0] == digests[1] != []


@pytest.mark.parametrize("folder", ["other", "site-packages"])
def test_files_elsewhere_and_libraries_are_left_out(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    place.mkdir()

    within = tmp_path if folder == "site-packages" else tmp_path / "mine"
    assert traced(place, "a = 1\n", within=within) == []


def test_threads_that_start_meanwhile_are_traced_too(tmp_path: Path) -> None:
    text = """\
import threading
def work():
    done = 7
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""

    found = traced(tmp_path, text)

    assert any(function == "work" and "done" in changed for _, _, function, changed in found)


def test_a_list_changes_if_an_item_changes_in_value_or_type_and_if_it_is_assigned_again(tmp_path: Path) -> None:
    text = "items = [1, 2]; items[0] = True; kept = items; items = None; items = kept; items = {}; items = kept"

    found = traced(tmp_path, text.replace("; ", "\n"))

    shown = [changed["items"][1] for _, _, _, changed in found if "items" in changed]
    assert shown == ["[1,2]", "[true,2]", "null", "[true,2]", "{}", "[true,2]"]
