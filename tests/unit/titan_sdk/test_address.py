"""Where a server is: what a URL, the arguments and the environment say together."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from titan_sdk.errors import InvalidInput
from titan_sdk.http.address import Address, address_of, token_for


@pytest.mark.parametrize(
    ("host", "port", "environment", "found"),
    [
        (None, None, {}, "http 127.0.0.1:9090"),
        ("h", None, {}, "http h:9090"),
        ("h", None, {"TITAN_HOST": "e", "TITAN_PORT": "1"}, "http h:1"),
        (None, None, {"TITAN_HOST": "e", "TITAN_PORT": "1"}, "http e:1"),
        (None, 2, {"TITAN_HOST": "e", "TITAN_PORT": "1"}, "http e:2"),
        ("h:9091", None, {}, "http h:9091"),
        ("h:9091", None, {"TITAN_PORT": "1"}, "http h:9091"),
        (None, None, {"TITAN_HOST": "e:9091"}, "http e:9091"),
        ("[::1]:9091", None, {}, "http [::1]:9091"),
        ("https://h:9090", None, {}, "https h:9090"),
        ("https://h:9090/", 2, {}, "https h:2"),
        ("https://h", None, {"TITAN_PORT": "1"}, "https h:443"),
        ("http://h", None, {}, "http h:80"),
        (None, None, {"TITAN_HOST": "https://e", "TITAN_PORT": "1"}, "https e:1"),
        (None, None, {"TITAN_HOST": "https://e"}, "https e:443"),
        (None, None, {"TITAN_HOST": "e", "TITAN_TLS": "1"}, "https e:9090"),
        (None, None, {"TITAN_HOST": "http://e:1", "TITAN_TLS": "1"}, "http e:1"),
        (None, None, {"TITAN_HOST": "e", "TITAN_TLS": "0"}, "http e:9090"),
        ("::1", None, {}, "http [::1]:9090"),
        ("https://[::1]:3", None, {}, "https [::1]:3"),
    ],
)
def test_the_address_follows_from_arguments_then_environment(
    tmp_path: Path, host: str | None, port: int | None, environment: dict[str, str], found: str
) -> None:
    address = address_of(host, port, {"TITAN_HOME": str(tmp_path), **environment})

    assert f"{'https' if address.is_tls else 'http'} {address}" == found


@pytest.mark.parametrize(
    "host", ["ftp://h", "https://", "https://h/path", "https://u@h", "https://h:x", "http://h:0", "h:x", "u@h"]
)
def test_an_invalid_address_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match="Nothing was sent"):
        address_of(host, None, {})


def test_certificates_are_only_looked_for_where_tls_is_spoken() -> None:
    environment = {"TITAN_CA_FILE": "ca.pem"}

    assert address_of("h", None, environment).ca_file is None
    assert address_of("https://h", None, environment).ca_file == "ca.pem"


def leave_word(home: Path, **left: object) -> dict[str, str]:
    """Leave word as a server does; return the environment of a program of that home."""
    (home / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:5001", "pid": os.getpid(), **left}))
    return {"TITAN_HOME": str(home)}


@pytest.mark.parametrize(
    ("host", "port", "environment", "found"),
    [
        (None, None, {}, "127.0.0.1:5001"),
        (None, None, {"TITAN_TLS": "1"}, "127.0.0.1:5001"),
        (None, None, {"TITAN_PORT": "1"}, "127.0.0.1:1"),
        (None, None, {"TITAN_HOST": "e"}, "e:9090"),
        (None, 2, {}, "127.0.0.1:2"),
        ("h", None, {}, "h:9090"),
    ],
)
def test_the_server_of_the_home_is_found_where_nobody_says_another(
    tmp_path: Path, host: str | None, port: int | None, environment: dict[str, str], found: str
) -> None:
    address = address_of(host, port, {**leave_word(tmp_path), **environment})

    assert str(address) == found
    assert address.is_named is (found != "127.0.0.1:5001")


def test_the_server_of_the_home_may_speak_tls(tmp_path: Path) -> None:
    environment = leave_word(tmp_path, url="https://titan.example.org:5443")

    address = address_of(None, None, {**environment, "TITAN_CA_FILE": "ca.pem"})

    assert (str(address), address.is_tls, address.ca_file) == ("titan.example.org:5443", True, "ca.pem")


@pytest.mark.parametrize(
    "left",
    [
        {"pid": 2**22 + 1},  # more than Linux gives: killed, and its process has gone
        {"pid": 10**30},
        {"pid": -1},
        {"pid": "1"},
        {"url": None},
        {"url": "ftp://h:1"},
        {"url": "http://h:0"},
    ],
)
def test_a_server_that_was_killed_or_left_nonsense_is_passed_over(tmp_path: Path, left: dict[str, object]) -> None:
    assert str(address_of(None, None, leave_word(tmp_path, **left))) == "127.0.0.1:9090"


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"url": "http://127.0.0.1:1"}'])
def test_word_that_cannot_be_read_is_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "server.json").write_text(content)

    assert str(address_of(None, None, {"TITAN_HOME": str(tmp_path)})) == "127.0.0.1:9090"


TOKEN = f"titan_{'0' * 12}_{'a' * 64}"


@pytest.mark.parametrize(
    ("address", "environment", "token"),
    [
        (Address("127.0.0.1", 5001), {}, TOKEN),
        (Address("127.0.0.1", 9090), {}, TOKEN),
        (Address("h", 5443, is_tls=True, ca_file="ca.pem"), {}, TOKEN),
        (Address("127.0.0.1", 5002), {}, None),
        (Address("elsewhere", 5001), {}, None),
        (Address("127.0.0.1", 5001, is_tls=True), {}, None),
        (Address("127.0.0.1", 5001), {"TITAN_TOKEN": "own"}, "own"),
        (Address("127.0.0.1", 5001), {"TITAN_JOB_ID": "j"}, None),
        (Address("elsewhere", 5001), {"TITAN_TOKEN": "own"}, "own"),
    ],
)
def test_the_homes_token_is_shown_to_the_homes_server_alone(
    tmp_path: Path, address: Address, environment: dict[str, str], token: str | None
) -> None:
    home = leave_word(
        tmp_path, urls=["http://127.0.0.1:5001", 5, "nonsense://", "http://127.0.0.1:9090", "https://h:5443"]
    )
    (tmp_path / "token").write_text(f"{TOKEN}\n")

    assert token_for(address, None, {**home, **environment}) == token
    assert token_for(address, "given", {**home, **environment}) == "given"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
def test_without_a_token_in_the_home_none_is_shown(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)

    assert token_for(Address("127.0.0.1", 5001), None, leave_word(tmp_path)) is None


def test_a_server_that_was_killed_is_shown_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)

    assert token_for(Address("127.0.0.1", 5001), None, leave_word(tmp_path, pid=2**22 + 1)) is None
