"""Commands, workers and jobs that reach a server over TLS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.access.test_starting import titan as run
from tests.support.certificates import Certificate, a_certificate
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.sources import PACKAGES
from tests.support.token_holder import Holder

JOB = """\
import os
from titan_sdk import TitanClient
TitanClient().store_put("over-tls", os.environ["TITAN_HOST"] + " " + os.environ["TITAN_TLS"])
print("done")
"""


pytestmark = pytest.mark.needs("openssl")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return a_certificate(tmp_path_factory.mktemp("tls"), host="IP:127.0.0.1,DNS:localhost")


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RunningTitan]:
    """A server with TLS and tokens, and no worker of its own."""
    options = ("--require-token", "--tls-cert", str(certificate.file), "--tls-key", str(certificate.key))
    with running_titan(tmp_path_factory.mktemp("encrypted") / "home", offers=(), options=options) as running:
        yield running


@pytest.fixture(scope="module")
def admin(encrypted: RunningTitan) -> Holder:
    """Asks at the inner port, which only this machine reaches."""
    url = json.loads((encrypted.home / "server.json").read_text())["url"]
    return Holder(int(url.rpartition(":")[2]), encrypted.home_token)


def test_a_command_from_elsewhere_is_answered_when_it_trusts_the_certificate(
    encrypted: RunningTitan, admin: Holder, certificate: Certificate, tmp_path: Path
) -> None:
    url = f"https://127.0.0.1:{encrypted.sdk_port}"
    token = admin.make("viewer").token or ""

    trusting = run(tmp_path / "h", "workers", "--server", url, TITAN_TOKEN=token, TITAN_CA_FILE=str(certificate.file))
    by_setting = run(
        tmp_path / "h",
        "workers",
        TITAN_HOST="localhost",
        TITAN_TLS="1",
        TITAN_PORT=str(encrypted.sdk_port),
        TITAN_TOKEN=token,
        TITAN_CA_FILE=str(certificate.file),
    )
    doubting = run(tmp_path / "h", "workers", "--server", url, TITAN_TOKEN=token)

    assert (trusting.returncode, by_setting.returncode) == (0, 0), trusting.stderr + by_setting.stderr
    assert doubting.returncode in (4, 5)
    assert "TITAN_CA_FILE" in doubting.stderr


def test_a_worker_joins_over_tls_and_its_jobs_reach_the_server_over_tls(
    encrypted: RunningTitan, admin: Holder, certificate: Certificate, tmp_path: Path
) -> None:
    (tmp_path / "job.py").write_text(JOB)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
    url = f"https://127.0.0.1:{encrypted.sdk_port}"
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "titan.cli", "workers", "join", url, "--offer", "GENERAL:1"],
            env={
                **inherited,
                "PYTHONPATH": PACKAGES,
                "TITAN_HOME": str(tmp_path / "elsewhere"),
                "TITAN_TOKEN": admin.make("worker").token or "",
                "TITAN_CA_FILE": str(certificate.file),
            },
            stdout=log,
            stderr=log,
        )
    try:
        done = run(encrypted.home, "submit", str(tmp_path / "job.py"), "--follow")
    finally:
        worker.terminate()
        worker.wait(30)

    assert done.returncode == 0, done.stderr + done.stdout + (tmp_path / "worker.log").read_text()
    assert admin.ask("GET", "/api/store?key=over-tls").value["value"] == "127.0.0.1 1"


def test_the_doctor_says_when_the_certificate_ends_and_when_it_is_not_trusted(
    encrypted: RunningTitan, admin: Holder, certificate: Certificate, tmp_path: Path
) -> None:
    url = f"https://127.0.0.1:{encrypted.sdk_port}"
    settings = {"TITAN_TOKEN": admin.make("viewer").token or "", "TITAN_MODEL": "none"}

    trusting = run(tmp_path / "h", "doctor", "--json", "--server", url, **settings, TITAN_CA_FILE=str(certificate.file))
    doubting = run(tmp_path / "h", "doctor", "--json", "--server", url, **settings)

    assert tls_of(trusting)["level"] == "ok", trusting.stdout
    assert "trusted, until" in tls_of(trusting)["text"]
    assert (doubting.returncode, tls_of(doubting)["level"]) == (1, "fail")
    assert "TITAN_CA_FILE" in tls_of(doubting)["next_step"]


def tls_of(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return what the doctor says of TLS."""
    (finding,) = [each for each in json.loads(done.stdout)["findings"] if each["check"] == "TLS"]
    assert isinstance(finding, dict)
    return finding
