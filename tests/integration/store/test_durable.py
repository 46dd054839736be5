"""A server opens what its settings name, and refuses what would tear a database and its files apart."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.postgres import a_database
from titan.model.errors import InvalidInput, StoreInUse
from titan.storage import MARKER, open_durable


@pytest.fixture
def url() -> Iterator[str]:
    """Give the URL of a database with Titan's tables."""
    with a_database() as url:
        yield url


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Close what a test opens."""
    with ExitStack() as opened:
        yield opened


def a_home(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_without_a_url_the_store_is_a_file_of_the_home(tmp_path: Path, opened: ExitStack) -> None:
    home = a_home(tmp_path / "home")

    durable = open_durable(home, store=None, shared=None)
    opened.callback(durable.close)

    assert durable.shown == str(home / "control.db")
    assert (home / "control.db").exists()


def test_servers_of_one_database_share_one_folder(tmp_path: Path, url: str, opened: ExitStack) -> None:
    shared = tmp_path / "shared"
    first, second = (open_durable(a_home(tmp_path / name), store=url, shared=shared) for name in ("first", "second"))
    opened.callback(first.close)
    opened.callback(second.close)

    digest = first.blobs.put(b"content")

    path = second.blobs.path(digest)
    assert path is not None
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize("is_used", [False, True])
def test_a_server_with_another_folder_is_refused(tmp_path: Path, url: str, opened: ExitStack, is_used: bool) -> None:
    opened.callback(open_durable(a_home(tmp_path / "first"), store=url, shared=None).close)
    other = a_home(tmp_path / "second")
    if is_used:
        (other / MARKER).write_text("0" * 32)

    with pytest.raises(InvalidInput, match="Set TITAN_SHARED to one folder that all of them reach"):
        open_durable(other, store=url, shared=None)

    assert (other / MARKER).exists() == is_used


def test_a_home_has_one_server_on_a_database_too(tmp_path: Path, url: str, opened: ExitStack) -> None:
    home = a_home(tmp_path / "home")
    opened.callback(open_durable(home, store=url, shared=None).close)

    with pytest.raises(StoreInUse):
        open_durable(home, store=url, shared=None)


def test_a_starting_server_does_not_remove_blobs_that_another_one_is_receiving(
    tmp_path: Path, url: str, opened: ExitStack
) -> None:
    shared = tmp_path / "shared"
    opened.callback(open_durable(a_home(tmp_path / "first"), store=url, shared=shared).close)
    arriving = shared / "blobs" / "incoming" / "half"
    arriving.write_bytes(b"half")

    opened.callback(open_durable(a_home(tmp_path / "second"), store=url, shared=shared).close)

    assert arriving.read_bytes() == b"half"
