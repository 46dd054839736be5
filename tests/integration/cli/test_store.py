"""`titan store`: values and artifacts by hand."""

import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import PROGRAM, CommandLine
from titan_sdk import TitanClient


@pytest.mark.parametrize("value", ["hello", "", "ünï\ncode 🚀", "-5", "[bold]x[/bold]", "a\n"])
def test_a_value_comes_back_as_it_was(titan: CommandLine, value: str) -> None:
    put = titan("store", "put", "--", "a key/with:odd?chars&[x]", value)

    got = titan("store", "get", "a key/with:odd?chars&[x]")

    assert (put.exit_code, put.text) == (0, "OK\n")
    assert got.text == (value if value.endswith("\n") else f"{value}\n")


def test_json_shows_a_value_exactly(titan: CommandLine) -> None:
    titan("store", "put", "exact", "a\n")

    told = {"key": "exact", "value": "a\n", "artifact": None, "expires_at": None}
    assert titan("store", "get", "exact", "--json").document == told


def test_a_missing_key_is_exit_code_three(titan: CommandLine) -> None:
    done = titan("store", "get", "nix")

    assert (done.exit_code, done.stdout) == (3, b"")
    assert done.stderr == (
        "titan: key 'nix': expected a value in the store; found none. Set one: titan store put nix VALUE\n"
    )


def test_a_value_may_come_from_stdin(titan: CommandLine) -> None:
    command = [*PROGRAM, "store", "put", "piped", "-", "--server", titan.server]

    done = subprocess.run(command, input="näme\n".encode(), capture_output=True, check=False, timeout=120)
    refused = subprocess.run(command, input=b"\xff", capture_output=True, check=False, timeout=120)

    assert (done.returncode, done.stdout) == (0, b"OK\n")
    assert titan("store", "get", "piped", "--json").document["value"] == "näme\n"
    assert refused.returncode == 2
    assert b"expected text in UTF-8; found byte 0xff at position 0" in refused.stderr


def test_an_artifact_is_written_to_a_file_byte_for_byte(titan: CommandLine, tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "report.bin").write_bytes(content)
    port = int(titan.server.rpartition(":")[2])
    TitanClient("127.0.0.1", port).publish_artifact("report", str(tmp_path / "report.bin"))

    done = titan("store", "get", "report", "--output", str(tmp_path / "copy.bin"))

    assert (tmp_path / "copy.bin").read_bytes() == content
    assert done.stdout == b""
    assert done.stderr == f"Wrote {tmp_path}/copy.bin (1.2 MiB)\n"


def test_a_value_without_an_artifact_is_written_to_a_file_too(titan: CommandLine, tmp_path: Path) -> None:
    titan("store", "put", "plan", "ein Plan\r\n")

    titan("store", "get", "plan", "-o", str(tmp_path / "plan.txt"))

    assert (tmp_path / "plan.txt").read_bytes() == b"ein Plan\r\n"


def test_a_file_that_cannot_be_written_is_a_usage_error(titan: CommandLine, tmp_path: Path) -> None:
    titan("store", "put", "plan", "x")

    done = titan("store", "get", "plan", "-o", str(tmp_path / "missing" / "plan.txt"))

    assert done.exit_code == 2
    assert "expected a place that can be written; found No such file or directory" in done.stderr


def test_a_key_that_may_not_be_is_refused_by_the_server(titan: CommandLine) -> None:
    done = titan("store", "put", "a\nb", "x")

    assert done.exit_code == 5
    assert "control character" in done.stderr
