"""A server that encrypts by itself: both ports, sockets too, and its own machine's worker beside it."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from tests.integration.access.test_starting import titan as run
from tests.support.certificates import Certificate, a_certificate
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.token_holder import Holder

pytestmark = pytest.mark.needs("openssl")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return a_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RunningTitan]:
    """A server with TLS, a worker, and tokens."""
    options = ("--require-token", "--tls-cert", str(certificate.file), "--tls-key", str(certificate.key))
    with running_titan(tmp_path_factory.mktemp("encrypted") / "home", options=options) as running:
        yield running


def announced(running: RunningTitan) -> dict[str, str | list[str]]:
    left: dict[str, str | list[str]] = json.loads((running.home / "server.json").read_text())
    return left


def test_both_ports_speak_tls_and_prove_who_they_are(encrypted: RunningTitan, certificate: Certificate) -> None:
    urls = [urlsplit(url) for url in announced(encrypted)["urls"] if url.startswith("https://")]
    header = Holder(0, encrypted.home_token).header

    statuses = []
    for url in urls:
        connection = http.client.HTTPSConnection(url.netloc, context=certificate.trusted(), timeout=30)
        connection.request("GET", "/api/health", headers=header)
        statuses.append(connection.getresponse().status)
        connection.close()

    assert statuses == [200, 200]


def test_a_client_that_trusts_others_only_turns_away(encrypted: RunningTitan, tmp_path: Path) -> None:
    stranger = a_certificate(tmp_path).trusted()

    with (
        socket.create_connection(("127.0.0.1", encrypted.sdk_port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        stranger.wrap_socket(plain, server_hostname="127.0.0.1")


def test_unencrypted_requests_are_not_answered(encrypted: RunningTitan) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", encrypted.sdk_port, timeout=30)
    connection.request("GET", "/api/health")

    with pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse()
    connection.close()


def test_live_events_come_encrypted(encrypted: RunningTitan, certificate: Certificate) -> None:
    header = Holder(0, encrypted.home_token).header
    url = f"wss://127.0.0.1:{encrypted.sdk_port}/api/events/ws?after=unknown"

    with connect(url, ssl=certificate.trusted(), additional_headers=header, proxy=None) as socket_:
        assert "resync" in json.loads(socket_.recv(timeout=20))


def test_the_homes_own_worker_and_commands_need_no_certificate(encrypted: RunningTitan, tmp_path: Path) -> None:
    script = tmp_path / "hello.py"
    script.write_text(
        "import os\nfrom titan_sdk import TitanClient\nTitanClient().store_put('said', 'hello')\n"
        "print(os.environ['TITAN_HOST'], 'TITAN_TLS' in os.environ)\n"
    )

    done = run(encrypted.home, "submit", str(script), "--follow")

    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["127.0.0.1", "False"]
    assert run(encrypted.home, "store", "get", "said").stdout == "hello\n"


def test_the_inner_port_is_the_same_after_a_restart(tmp_path: Path, certificate: Certificate) -> None:
    options = ("--require-token", "--tls-cert", str(certificate.file), "--tls-key", str(certificate.key))
    with running_titan(tmp_path / "home", offers=(), options=options) as running:
        first = announced(running)["url"]
        running.terminate()
        running.start_again()

        assert announced(running)["url"] == first


def test_the_inner_port_asks_for_tokens_as_the_others_do(encrypted: RunningTitan) -> None:
    inner = urlsplit(str(announced(encrypted)["url"])).port
    assert inner is not None

    assert Holder(inner, None).ask("GET", "/api/health").refusal == (401, "Unauthorized")
    assert Holder(inner, encrypted.home_token).ask("GET", "/api/health").status == 200


def test_files_that_cannot_be_used_end_the_start_with_plain_words(tmp_path: Path, certificate: Certificate) -> None:
    start = ("up", "--port", "0", "--sdk-port", "0", "--no-worker")

    missing = run(tmp_path / "home", *start, "--tls-cert", str(tmp_path / "no.pem"))
    alone = run(tmp_path / "home", *start, "--tls-key", str(certificate.key))

    assert (missing.returncode, alone.returncode) == (5, 5)
    assert "found No such file" in missing.stderr
    assert "--tls-cert FILE" in alone.stderr
    assert not (tmp_path / "home").exists()
