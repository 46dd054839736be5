"""The cache of scripts and archives."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.support.assignments import a_blob_cache
from titan.worker.blob_cache import MAX_FILES, ContentCorrupted


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Server:
    """A server that sends one content, whatever is asked for."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.fetch_count = 0

    def fetch_blob(self, _digest: str, target: Path) -> None:
        self.fetch_count += 1
        target.write_bytes(self.content)


def test_a_content_is_fetched_once_and_found_by_the_next_worker(tmp_path: Path) -> None:
    content, server = b"new", Server(b"new")
    cache = a_blob_cache(tmp_path, server=server)
    before = cache.script(digest_of(content))

    paths = {cache.fetch(digest_of(content)), cache.fetch(digest_of(content))}

    assert (before, paths, server.fetch_count) == (None, {tmp_path / digest_of(content)}, 1)
    assert cache.script(digest_of(content)) == a_blob_cache(tmp_path).script(digest_of(content)) == content


def test_a_file_that_does_not_match_its_digest_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / digest_of(b"whole")).write_bytes(b"who")
    cache = a_blob_cache(tmp_path, server=Server(b"whole"))

    assert cache.script(digest_of(b"whole")) is None
    assert cache.fetch(digest_of(b"whole")).read_bytes() == b"whole"


def test_a_content_that_came_damaged_is_refused_and_not_kept(tmp_path: Path) -> None:
    cache = a_blob_cache(tmp_path, server=Server(b"who"))

    with pytest.raises(ContentCorrupted):
        cache.fetch(digest_of(b"whole"))

    assert not (tmp_path / digest_of(b"whole")).exists()


def test_more_scripts_than_fit_into_memory_are_still_found(tmp_path: Path) -> None:
    contents = [bytes([number]) * 1_000_000 for number in range(10)]
    cache = a_blob_cache(tmp_path, *contents)

    assert all(cache.script(digest_of(content)) == content for content in contents * 2)


def test_the_files_used_longest_ago_make_room(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 3):
        (tmp_path / f"{number:064}").touch()
        os.utime(tmp_path / f"{number:064}", (number, number))

    cache = a_blob_cache(tmp_path, server=Server(b"new"))
    kept_at_start = len(os.listdir(tmp_path))
    cache.fetch(digest_of(b"new"))

    assert (kept_at_start, len(os.listdir(tmp_path))) == (MAX_FILES, MAX_FILES)
    assert {f"{number:064}" for number in range(5)}.isdisjoint(os.listdir(tmp_path))
