"""Which archives may be unpacked and run."""

import stat
from dataclasses import replace

import pytest

from titan.model.errors import InvalidInput
from titan.rules.archives import (
    MAX_DIRECTORY_BYTES,
    MAX_ENTRIES,
    MAX_UNPACKED_BYTES,
    ArchiveEntry,
    check_archive,
    check_directory,
    check_directory_size,
)

MAIN = ArchiveEntry(path="src/main.py", size_bytes=10, mode=stat.S_IFREG | 0o644)
FOLDER = ArchiveEntry(path="src/", size_bytes=0, is_folder=True, mode=stat.S_IFDIR | 0o755)


def check(*entries: ArchiveEntry, scripts: tuple[str, ...] = ("src/main.py",)) -> None:
    check_archive("agent.zip", entries, scripts=scripts)


def test_an_archive_with_its_scripts_is_fine() -> None:
    check(FOLDER, MAIN, replace(MAIN, path="b.sh", mode=0), scripts=("src/main.py", "b.sh"))


def test_the_limits_themselves_are_fine() -> None:
    check(MAIN, replace(MAIN, path="large", size_bytes=MAX_UNPACKED_BYTES - 10))
    check(MAIN, *(replace(MAIN, path=str(number)) for number in range(MAX_ENTRIES - 1)))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (replace(MAIN, path="/etc/x"), "entries with safe relative paths; found '/etc/x'"),
        (replace(MAIN, path="a/../x"), "entries with safe relative paths; found 'a/../x'"),
        (replace(MAIN, path="a\\x"), "entries with safe relative paths"),
        (replace(MAIN, path="x" * 256), "entries with safe relative paths"),
        (replace(FOLDER, path="a//"), "entries with safe relative paths"),
        (replace(MAIN, path="x", is_encrypted=True), "no encrypted entries; found 'x'"),
        (
            replace(MAIN, path="x", is_packed_known=False),
            "entries stored, or packed by deflate, bzip2 or LZMA; found 'x'",
        ),
        (replace(MAIN, path="x", mode=stat.S_IFLNK | 0o777), "files and folders only; found a link or device 'x'"),
        (replace(MAIN, path="x", size_bytes=MAX_UNPACKED_BYTES), "at most 1073741824 bytes when unpacked"),
        (MAIN, "every entry once; found 'src/main.py' twice"),
        (replace(MAIN, path="src"), "a name for a file or for a folder; found 'src' for both"),
        (replace(FOLDER, path="src/main.py/"), "a name for a file or for a folder; found 'src/main.py' for both"),
    ],
)
def test_an_unsafe_entry_is_refused_by_name(entry: ArchiveEntry, expected: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check(FOLDER, MAIN, entry)

    assert f"archive 'agent.zip': expected {expected}" in str(refusal.value)


def test_too_many_entries_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at most 20000 entries; found 20001"):
        check(*(replace(MAIN, path=str(number)) for number in range(MAX_ENTRIES + 1)))


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (("main.py", "lib/x.py"), "found 'main.py'"),
        (("lib/b.py", "a.sh", "c.txt"), "found 'a.sh', 'lib/b.py'"),
        (("c.txt",), "found 1 files, none of them a script"),
    ],
)
def test_a_missing_script_is_refused_with_suggestions(paths: tuple[str, ...], found: str) -> None:
    with pytest.raises(InvalidInput, match=f"the script 'src/main.py'; {found}. Name the script by its path"):
        check(*(replace(MAIN, path=path) for path in paths))


def test_a_directory_may_have_so_many_bytes_and_no_more() -> None:
    check_directory_size("agent.zip", MAX_DIRECTORY_BYTES)

    with pytest.raises(InvalidInput, match="and 16777216 bytes; found one of 16777217 bytes"):
        check_directory_size("agent.zip", MAX_DIRECTORY_BYTES + 1)


def test_a_directory_may_have_so_many_entries_and_no_more() -> None:
    entry = b"PK\x01\x02" + bytes(43)
    check_directory("agent.zip", entry)
    check_directory("agent.zip", entry * MAX_ENTRIES)

    with pytest.raises(InvalidInput, match="at most 20000 entries; found 20001"):
        check_directory("agent.zip", entry * (MAX_ENTRIES + 1))
