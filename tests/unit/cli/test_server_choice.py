"""Which server a command talks to."""

import json
from pathlib import Path

import pytest

from titan.cli.exit_codes import CommandFailed, ExitCode
from titan.cli.server import choose_addresses, home_addresses, parse_address
from titan_sdk.http.address import Address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:5001", Address("127.0.0.1", 5001)),
        ("http://127.0.0.1:5001/", Address("127.0.0.1", 5001)),
        ("localhost:9090", Address("localhost", 9090)),
        ("titan.example", Address("titan.example", 5000)),
        ("http://[::1]:5000", Address("::1", 5000)),
        ("https://titan.example:5000", Address("titan.example", 5000, is_tls=True)),
        ("https://titan.example", Address("titan.example", 443, is_tls=True)),
    ],
)
def test_a_server_is_named_by_url_or_host_and_port(url: str, address: Address) -> None:
    assert parse_address(url, option="--server") == address


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "http://",
        "",
        "http://h:x",
        "http://h:99999",
        "http://h:1/path",
        "http://u@h:1",
        "ftp://h",
    ],
)
def test_anything_else_is_a_usage_error(url: str) -> None:
    with pytest.raises(CommandFailed, match=r"expected an address such as http://127\.0\.0\.1:5000") as refused:
        parse_address(url, option="--server")

    assert refused.value.exit_code is ExitCode.USAGE


def test_the_option_wins_over_the_environment() -> None:
    assert choose_addresses("h:1", {"TITAN_HOST": "other", "TITAN_PORT": "2"}) == [Address("h", 1)]


def test_the_environment_wins_over_the_defaults() -> None:
    assert choose_addresses(None, {"TITAN_HOST": "h", "TITAN_PORT": "2"}) == [Address("h", 2)]


def test_a_host_alone_is_tried_on_both_usual_ports() -> None:
    assert choose_addresses(None, {"TITAN_HOST": "h"}) == [Address("h", 5000), Address("h", 9090)]


def test_where_nothing_is_said_the_address_left_in_the_home_comes_first(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:40123", "pid": 1}))

    addresses = choose_addresses(None, {"TITAN_HOME": str(tmp_path)})

    assert addresses == [Address("127.0.0.1", port) for port in (40123, 5000, 9090)]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"url": 7}', '{"url": "ftp://x"}', "null"])
def test_an_address_in_the_home_that_cannot_be_read_is_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "server.json").write_text(content)

    addresses = choose_addresses(None, {"TITAN_HOME": str(tmp_path)})

    assert addresses == [Address("127.0.0.1", 5000), Address("127.0.0.1", 9090)]


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "٣"])
def test_a_port_in_the_environment_that_is_none_is_a_usage_error(port: str) -> None:
    with pytest.raises(CommandFailed, match="TITAN_PORT="):
        choose_addresses(None, {"TITAN_PORT": port})


def test_the_environment_may_ask_for_tls_in_two_ways() -> None:
    by_url = choose_addresses(None, {"TITAN_HOST": "https://h", "TITAN_PORT": "2"})
    by_setting = choose_addresses(None, {"TITAN_HOST": "h", "TITAN_PORT": "2", "TITAN_TLS": "1"})

    assert by_url == by_setting == [Address("h", 2, is_tls=True)]
    assert choose_addresses(None, {"TITAN_HOST": "https://h"}) == [Address("h", 443, is_tls=True)]


def test_a_host_may_name_its_port() -> None:
    assert choose_addresses(None, {"TITAN_HOST": "h:7000"}) == [Address("h", 7000)]


def test_the_server_of_a_home_leaves_all_its_addresses_while_it_runs(tmp_path: Path) -> None:
    urls = ["http://127.0.0.1:40123", "https://10.0.0.7:5000"]
    (tmp_path / "server.json").write_text(json.dumps({"url": urls[0], "urls": urls, "pid": 1}))

    assert set(home_addresses(tmp_path)) == {Address("127.0.0.1", 40123), Address("10.0.0.7", 5000, is_tls=True)}
