"""The shared store: reading beside a request that does nothing, writing beside bare commits."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from benchmarks.ceiling import HERE, bare_commits_per_second
from benchmarks.rows import Better, Row, at_least, ratio_at_least
from benchmarks.titan_server import BenchmarkFailed, running_titan
from titan_sdk import TitanClient

CLIENTS: Final = 16


def measure_store(folder: Path, *, rounds: int, seconds: float) -> Iterator[Row]:
    """Yield the rows about the shared store; each figure is taken for `seconds` in each round."""
    with running_titan(folder / "store") as titan:
        client = titan.client()
        client.store_put("bench:key", "v" * 100)
        yield _reading(client, rounds=rounds, seconds=seconds)
        yield _writing(client, folder, rounds=rounds, seconds=seconds)
        yield _writing_together(titan.port, folder, rounds=rounds, seconds=seconds)


def _reading(client: TitanClient, *, rounds: int, seconds: float) -> Row:
    titan, rival = [], []
    for _ in range(rounds):
        titan.append(_calls_per_second(lambda: client.store_get("bench:key"), seconds))
        rival.append(_calls_per_second(lambda: client.transport.request_json("GET", "/api/health"), seconds))
    return Row(
        what="store get, one client",
        unit="get/s",
        better=Better.HIGHER,
        titan=titan,
        rival_name="no-op request",
        rival=rival,
        target=ratio_at_least(0.8, "≥ 80 % of the no-op"),
    )


def _writing(client: TitanClient, folder: Path, *, rounds: int, seconds: float) -> Row:
    titan, rival = [], []
    for number in range(rounds):
        key = f"bench:{number}"
        titan.append(_calls_per_second(lambda key=key: client.store_put(key, "v" * 100), seconds))  # type: ignore[misc]  # a lambda's default has no type
        rival.append(bare_commits_per_second(folder, seconds=seconds))
    return Row(
        what="durable store put, one client",
        unit="put/s",
        better=Better.HIGHER,
        titan=titan,
        rival_name="bare commits",
        rival=rival,
    )


def _writing_together(port: int, folder: Path, *, rounds: int, seconds: float) -> Row:
    titan, rival = [], []
    for _ in range(rounds):
        titan.append(_puts_of_many(port, seconds=seconds))
        rival.append(bare_commits_per_second(folder, seconds=seconds))
    return Row(
        what=f"durable store put, {CLIENTS} client processes",
        unit="put/s",
        better=Better.HIGHER,
        titan=titan,
        rival_name="bare commits, one connection",
        rival=rival,
        target=at_least(3400, "≥ 3,400 put/s"),
    )


def _puts_of_many(port: int, *, seconds: float) -> float:
    """Return the puts a second of all clients together, started at the same moment."""
    with ExitStack() as clients:
        pipes = [_start_client(clients, port, f"client-{number}", seconds) for number in range(CLIENTS)]
        for _, answers in pipes:
            _expect_line(answers)
        for starting_signal, _ in pipes:
            starting_signal.write("go\n")
            starting_signal.flush()
        return sum(int(_expect_line(answers)) for _, answers in pipes) / seconds


def _start_client(clients: ExitStack, port: int, name: str, seconds: float) -> tuple[IO[str], IO[str]]:
    command = [sys.executable, str(HERE / "put_client.py"), str(port), name, str(seconds)]
    process = clients.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _expect_line(answers: IO[str]) -> str:
    line = answers.readline()
    if not line:
        raise BenchmarkFailed("put_client.py: expected an answer; found none. Its error stands above.")
    return line


def _calls_per_second(call: Callable[[], object], seconds: float) -> float:
    count, started = 0, time.perf_counter()
    while (taken := time.perf_counter() - started) < seconds:
        call()
        count += 1
    return count / taken
