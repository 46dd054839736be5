"""The cache of scripts."""

import hashlib
import os
from pathlib import Path

from titan.worker.scripts import MAX_KEPT, ScriptCache


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_what_was_added_is_found_also_by_the_next_worker(tmp_path: Path) -> None:
    content = b"print('hello')"
    ScriptCache(tmp_path).add(digest_of(content), content)

    assert ScriptCache(tmp_path).find(digest_of(content)) == content
    assert ScriptCache(tmp_path).find("0" * 64) is None


def test_a_file_that_is_not_what_its_name_says_is_not_used(tmp_path: Path) -> None:
    (tmp_path / digest_of(b"whole")).write_bytes(b"who")

    assert ScriptCache(tmp_path).find(digest_of(b"whole")) is None


def test_a_write_that_was_cut_off_leaves_nothing_to_be_found(tmp_path: Path) -> None:
    (tmp_path / f"{digest_of(b'whole')}.partial").write_bytes(b"who")

    assert ScriptCache(tmp_path).find(digest_of(b"whole")) is None


def test_more_than_fits_into_memory_is_still_found(tmp_path: Path) -> None:
    cache = ScriptCache(tmp_path)
    contents = [bytes([number]) * 1_000_000 for number in range(10)]

    for content in contents:
        cache.add(digest_of(content), content)

    assert all(cache.find(digest_of(content)) == content for content in contents)


def test_the_oldest_scripts_make_room_when_a_worker_starts(tmp_path: Path) -> None:
    for number in range(MAX_KEPT + 3):
        (tmp_path / f"{number:064}").touch()
        os.utime(tmp_path / f"{number:064}", (number, number))

    ScriptCache(tmp_path)

    assert sorted(int(path.name) for path in tmp_path.iterdir()) == list(range(3, MAX_KEPT + 3))
