"""Zips that are made to harm: by what their directories cost to read, by names of entries, by where those lie."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.raw_http import Answer, a_key, ask, ask_json
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.submissions import a_name
from tests.support.zips import a_directory_entry, a_listing_zip, a_zip

MAIN: Final = a_directory_entry(b"main.py")
MILLION: Final = 1_000_000
MOST_BYTES: Final = 100 * 1024 * 1024  # it took 440 MB
MOST_SECONDS: Final = 5.0  # it took 15.8 s


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("attacked") / "home", offers=()) as running:
        yield running


def upload(titan: RunningTitan, content: bytes) -> str:
    """Upload a zip under a name of its own; return the name."""
    name = f"{a_name('evil')}.zip"
    assert ask(titan.sdk_port, "PUT", f"/api/files/{name}", content, a_key()).status == 201
    return name


def submit(titan: RunningTitan, archive: str) -> Answer:
    job = {"id": a_name("job"), "archive": archive, "filename": "main.py"}
    return ask_json(titan.sdk_port, "POST", "/api/dags", {"name": a_name("dag"), "jobs": [job]}, a_key())


def most_memory(titan: RunningTitan) -> int:
    """Return the most bytes that the server ever had in memory."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{titan.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.parametrize("told", [{"count": 65_535}, {}, {"size": 0, "size_64": 50 * MILLION}], ids=["", "less", "64"])
def test_a_directory_of_a_million_entries_costs_neither_time_nor_memory(
    titan: RunningTitan, told: dict[str, Any]
) -> None:
    archive = upload(titan, a_listing_zip(a_directory_entry(b"abcd") * MILLION, **told))
    before_bytes, began = most_memory(titan), time.monotonic()

    answer = submit(titan, archive)

    assert time.monotonic() - began < MOST_SECONDS
    assert most_memory(titan) - before_bytes < MOST_BYTES
    assert answer.refusal == (400, "InvalidInput")
    assert "a directory of at most 20000 entries and 16777216 bytes; found one of 50000000 bytes" in answer.message


@pytest.mark.parametrize("name", [b"", b"\0", b"\0a", b"a\0.py", b"/", b"/\0", b"//", b"..", b"a//b"])
def test_an_entry_whose_name_is_none_is_refused_in_words(titan: RunningTitan, name: bytes) -> None:
    answer = submit(titan, upload(titan, a_listing_zip(MAIN + a_directory_entry(name))))

    assert answer.refusal == (400, "InvalidInput")
    assert "entries with safe relative paths" in answer.message


@pytest.mark.parametrize("cut", [0, 1, 21, 22, 23, 45, 60, 90])
def test_a_zip_that_is_cut_anywhere_is_refused_in_words(titan: RunningTitan, cut: int) -> None:
    content = a_zip({"main.py": "print(1)"})

    answer = submit(titan, upload(titan, content[:cut]))

    assert answer.refusal == (400, "InvalidInput")
    assert "a zip file that can be unpacked" in answer.message


@pytest.mark.parametrize("offset", [80, 2**31, 2**32 - 1])
def test_an_entry_that_begins_outside_of_its_archive_is_refused_in_words(titan: RunningTitan, offset: int) -> None:
    answer = submit(titan, upload(titan, a_listing_zip(a_directory_entry(b"main.py", offset=offset))))

    assert answer.refusal == (400, "InvalidInput")
    assert "a zip file that can be unpacked" in answer.message
