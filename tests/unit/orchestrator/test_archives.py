"""Zips that lie about themselves are refused before their entries are read, and reach nothing outside."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tests.support.zips import a_directory_entry, a_listing_zip, a_unicode_path, a_zip, an_end
from titan.model.errors import InvalidInput
from titan.orchestrator.archives import look_into, unpack
from titan.rules.archives import MAX_DIRECTORY_BYTES, MAX_ENTRIES

ENTRY = a_directory_entry(b"abcd")
MAIN = a_directory_entry(b"main.py")
MANY, TOO_LONG = 100_000, 400_000  # entries: more than may be, and of more bytes than may be
TOO_LONG_BYTES = TOO_LONG * len(ENTRY)
MOST_BYTES = 3 * MAX_DIRECTORY_BYTES


def look(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "agent.zip"
    archive.write_bytes(content)
    look_into(archive, "agent.zip", scripts=["main.py"])


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        pytest.param(MANY, {"count": 65_535}, id="too many"),
        pytest.param(MANY, {}, id="too many, of which the end tells of one"),
        pytest.param(TOO_LONG, {"count": 65_535}, id="too long"),
        pytest.param(TOO_LONG, {}, id="too long, of which the end tells of one"),
        pytest.param(TOO_LONG, {"offset": 7}, id="too long, at another place"),
        pytest.param(TOO_LONG, {"comment": b"x" * 65_535}, id="too long, before a comment"),
        pytest.param(
            TOO_LONG,
            {"size": 0, "comment": an_end(1, TOO_LONG_BYTES, 30) + b"x"},
            id="too long, as another end in the comment tells",
        ),
        pytest.param(TOO_LONG, {"size": 0, "size_64": TOO_LONG_BYTES}, id="too long, as the end for large zips tells"),
        pytest.param(1, {"size": 2**32 - 1}, id="longer than the file"),
        pytest.param(1, {"size_64": 2**64 - 1}, id="longer than any file"),
    ],
)
def test_a_directory_that_is_too_long_is_refused_before_its_entries_are_read(
    tmp_path: Path, entries: int, told: dict[str, Any]
) -> None:
    content = a_listing_zip(ENTRY * entries, **told)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match=r"expected (a directory of )?at most 20000 entries|can be unpacked"):
            look(tmp_path, content)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < MOST_BYTES


def test_a_directory_that_the_form_for_large_zips_makes_smaller_is_read_as_that(tmp_path: Path) -> None:
    look(tmp_path, a_listing_zip(MAIN, size=2**32 - 1, size_64=len(MAIN)))


def test_an_archive_of_as_many_entries_as_may_be_is_fine(tmp_path: Path) -> None:
    look(tmp_path, a_zip({"main.py": "", **{f"{number}/": "" for number in range(MAX_ENTRIES - 1)}}))


@pytest.mark.parametrize("name", [b"", b"\0", b"\0x", b"a\0.py", b"/", b"//", b"/\0", b".", b"../", b"a/../../b"])
def test_an_entry_with_a_name_that_is_none_is_refused(tmp_path: Path, name: bytes) -> None:
    with pytest.raises(InvalidInput, match="entries with safe relative paths"):
        look(tmp_path, a_listing_zip(MAIN + a_directory_entry(name)))


@pytest.mark.parametrize("offset", [80, 2**31, 2**32 - 1])
def test_an_entry_that_lies_outside_of_the_archive_is_refused(tmp_path: Path, offset: int) -> None:
    with pytest.raises(InvalidInput, match="a zip file that can be unpacked"):
        look(tmp_path, a_listing_zip(a_directory_entry(b"main.py", offset=offset)))


def test_an_entry_that_would_lie_before_the_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="a zip file that can be unpacked"):
        look(tmp_path, a_listing_zip(MAIN, offset=1000))


def test_a_second_path_of_an_entry_leads_nowhere_else(tmp_path: Path) -> None:
    archive, folder = tmp_path / "agent.zip", tmp_path / "attempt"
    folder.mkdir()
    content = a_zip({"main.py": "", "abcdefg": "evil"})
    extra = a_unicode_path(b"abcdefg", "../evil")
    entry = content.rindex(b"PK\x01\x02")
    end = entry + 46 + len(b"abcdefg")
    changed = bytearray(content[:end] + extra + content[end:])
    changed[entry + 30] = len(extra)
    changed[-10] += len(extra)  # the directory's size
    archive.write_bytes(changed)

    try:
        unpack(archive, folder, script="main.py")
    except InvalidInput as refused:
        assert "safe relative paths" in str(refused)  # noqa: PT017 - Python 3.11 does not know such a path

    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent.zip", "attempt"]
