"""The socket in a home: reached by whoever may enter the home, however long its path, and made anew at each start."""

import stat
from pathlib import Path

import pytest

from titan.home.identity import is_gone, read_home_id, write_home_id
from titan.home.socket import FILE, connect_in, listen_in


@pytest.mark.parametrize("folder", ["home", "h" * 200])
def test_data_sent_into_the_socket_of_a_home_arrives_at_its_listener(tmp_path: Path, folder: str) -> None:
    home = tmp_path / folder
    home.mkdir()

    with listen_in(home) as listener, connect_in(home, timeout_seconds=5) as connected:
        accepted, _ = listener.accept()
        with accepted:
            connected.sendall(b"hello")
            heard = accepted.recv(5)

    assert heard == b"hello"
    assert stat.S_IMODE((home / FILE).stat().st_mode) == 0o600


def test_the_socket_of_an_earlier_server_is_replaced(tmp_path: Path) -> None:
    listen_in(tmp_path).close()
    with pytest.raises(ConnectionRefusedError):
        connect_in(tmp_path, timeout_seconds=5)

    with listen_in(tmp_path), connect_in(tmp_path, timeout_seconds=5) as connected:
        assert connected.getpeername()


def test_a_home_that_is_gone_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connect_in(tmp_path / "gone", timeout_seconds=5)


def test_a_home_is_gone_with_its_folder_or_another_in_its_place_but_not_when_it_cannot_be_read(tmp_path: Path) -> None:
    home_id = "one"
    write_home_id(tmp_path, home_id)
    there = is_gone(tmp_path, home_id)
    (tmp_path / "home-id").write_text("another\n")
    another = is_gone(tmp_path, home_id)
    (tmp_path / "home-id").unlink()
    missing = is_gone(tmp_path, home_id)
    (tmp_path / "home-id").mkdir()  # as unreadable as a disk with an error

    assert [there, another, missing, is_gone(tmp_path, home_id)] == [False, True, True, False]


def test_the_id_of_a_home_is_read_as_it_was_written(tmp_path: Path) -> None:
    before = read_home_id(tmp_path)
    write_home_id(tmp_path, "one")
    write_home_id(tmp_path, "two")

    assert (before, read_home_id(tmp_path)) == (None, "two")
