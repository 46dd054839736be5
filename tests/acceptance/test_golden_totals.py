"""The totals of every captured client and of the planted costs are those of their golden files."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import pytest

from tests.support.golden import FOLDER, as_text, golden_file
from tests.support.golden_corpora import CORPORA
from tests.support.waiting import wait_until

SETTLED_WITHIN_SECONDS = 10.0  # what is recorded in the background takes milliseconds


def test_every_golden_file_is_of_a_corpus() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(CORPORA)


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_has_the_golden_totals(name: str, tmp_path: Path) -> None:
    expected, found = golden_file(name).read_text("utf-8"), list[str]()

    def is_as_expected() -> bool:
        found[:] = [as_text(read())]
        return found == [expected]

    with CORPORA[name](tmp_path) as read:
        try:
            wait_until(is_as_expected, f"the golden totals of {name}", seconds=SETTLED_WITHIN_SECONDS)
        except AssertionError:
            lines = unified_diff(expected.splitlines(), found[0].splitlines(), "golden", "found", n=0, lineterm="")
            pytest.fail("\n".join([*lines, f"If that is meant: python -m tests.support.golden_corpora {name}"]))
