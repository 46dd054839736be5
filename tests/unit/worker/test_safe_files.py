"""Reading what jobs left: whole, unchanged meanwhile, through no link."""

import hashlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from titan.worker.files.safe_files import (
    CHANGED,
    CHUNK_BYTES,
    Unreadable,
    Vanished,
    file_time,
    printable_path,
    read_content,
    why_no_content,
)

LIMIT_BYTES = 3 * CHUNK_BYTES


def read(top: Path, path: str = "file") -> tuple[bytes, str]:
    """Return the content and its digest."""
    parts: list[bytes] = []
    content = read_content(top, path, parts.append, limit_bytes=LIMIT_BYTES)
    assert content.size_bytes == len(b"".join(parts))
    return b"".join(parts), content.digest


def test_a_content_is_read_whole_up_to_the_limit(tmp_path: Path) -> None:
    content = os.urandom(LIMIT_BYTES)
    (tmp_path / "file").write_bytes(content)

    assert read(tmp_path) == (content, hashlib.sha256(content).hexdigest())


def test_an_empty_file_has_a_content(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert read(tmp_path) == (b"", hashlib.sha256().hexdigest())


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(LIMIT_BYTES + 1))

    with pytest.raises(Unreadable, match=rf"larger than {LIMIT_BYTES} bytes \(TITAN_COLLECT_FILE_BYTES\)"):
        read(tmp_path)


def test_a_file_that_is_gone_has_vanished(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()

    for path in ("file", "folder/file", "plain/file"):
        with pytest.raises(Vanished):
            read(tmp_path, path)


@pytest.mark.parametrize("change", ["grows", "shrinks", "is written over"])
def test_a_file_that_changes_while_it_is_read_has_no_content(tmp_path: Path, change: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(2 * CHUNK_BYTES))
    os.utime(file, (1, 1))

    def meddle(_part: bytes) -> None:
        with file.open("r+b") as writing:
            if change == "grows":
                writing.seek(0, os.SEEK_END)
                writing.write(b"more")
            elif change == "shrinks":
                writing.truncate(CHUNK_BYTES)
            else:
                writing.write(b"else")

    with pytest.raises(Unreadable, match=CHANGED):
        read_content(tmp_path, "file", meddle, limit_bytes=LIMIT_BYTES)


def test_no_link_on_the_way_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("secret")
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "top" / "file").symlink_to(tmp_path / "outside" / "file")

    with pytest.raises(Unreadable, match="a symbolic link"):
        read(tmp_path / "top", "file")
    with pytest.raises((Unreadable, Vanished)):
        read(tmp_path / "top", "folder/file")


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "file")

    with pytest.raises(Unreadable, match="a pipe, a socket or a device"):
        read(tmp_path)


def test_only_regular_files_have_a_content() -> None:
    assert why_no_content(stat.S_IFREG | 0o644) is None
    assert why_no_content(stat.S_IFLNK) == "a symbolic link, which is not followed"
    assert why_no_content(stat.S_IFDIR) == "a folder that cannot be read"
    for kind in (stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK):
        assert why_no_content(kind) == "no regular file but a pipe, a socket or a device"


def test_any_time_a_job_may_set_becomes_a_moment() -> None:
    assert file_time(1_500_000_000_123_456_789) == datetime(2017, 7, 14, 2, 40, 0, 123456, tzinfo=UTC)
    assert file_time(-1) == file_time(-(2**63)) == datetime(1970, 1, 1, tzinfo=UTC)
    assert file_time(2**63 - 1).year == 2262
    assert file_time(10**21) == file_time(10**30) == datetime(9998, 1, 1, tzinfo=UTC)


def test_a_path_that_is_no_text_is_written_as_text() -> None:
    assert printable_path("ü/♥") == "ü/♥"
    assert printable_path(os.fsdecode(b"a\xff/b")) == r"a\xff/b"
    assert printable_path("a\tb\x7f") == r"a\x09b\x7f"
