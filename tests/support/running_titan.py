"""A real `titan up` for a test: a process of its own, a home of its own, free ports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

from tests.support.forked import Forked
from tests.support.ports import a_held_port, port_of
from tests.support.sources import PACKAGES

START_WITHIN_SECONDS = 180  # it takes 1 s, and took 60 s where 27 processes wanted two cores
END_WITHIN_SECONDS = 30

_Process: TypeAlias = subprocess.Popen[bytes] | Forked


class RunningTitan:
    """`titan up` with its worker, from the constructor's return until `stop`."""

    def __init__(
        self,
        home: Path,
        *,
        offers: Sequence[str] = ("GENERAL:4",),
        sdk_port: int = 0,
        launcher: Sequence[str] = (),
        model: str = "none",
        options: Sequence[str] = (),
        store: str | None = None,
        shared: Path | None = None,
        log_format: str = "text",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.options = options
        self.offers = offers
        self.model = model
        self._log_format = log_format
        self._environment = dict(environment or {})
        self._launcher = launcher
        self._settings = {"TITAN_MODEL": model}
        if store is not None:
            self._settings["TITAN_STORE"] = store
        if shared is not None:
            self._settings["TITAN_SHARED"] = str(shared)
        self._output: IO[str] | None = None
        self._held = None if sdk_port else a_held_port()  # so that it can be started again there
        self.sdk_port = sdk_port if self._held is None else port_of(self._held)
        try:
            self._process = self._start()
        except BaseException:
            self._give_up_port()
            raise

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    @property
    def home_token(self) -> str:
        """The token that a server which needs one keeps for its own worker and command line."""
        return (self.home / "token").read_text().strip()

    @property
    def log(self) -> str:
        """What the server wrote to its log so far."""
        return (self.home.parent / f"{self.home.name}.log").read_text()

    @property
    def is_alive(self) -> bool:
        """Whether the server's process still runs."""
        return self._process.poll() is None

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find this server."""
        return {"TITAN_HOST": "127.0.0.1", "TITAN_PORT": str(self.sdk_port)}

    def kill(self) -> None:
        """End the server as a power cut would (SIGKILL). Its worker goes on."""
        self._process.kill()
        self._process.wait(60)
        self._close_output()

    def terminate(self) -> int:
        """End the server and its worker (SIGTERM), and return its exit code when they have ended."""
        self._process.terminate()
        exit_code = self._process.wait(END_WITHIN_SECONDS)
        self._close_output()
        return exit_code

    def start_again(self) -> None:
        """Start on the same home and port."""
        self._process = self._start()

    def stop(self) -> None:
        """End the server and its worker as Ctrl-C does; one that was killed is started first, for its worker's sake."""
        try:
            self._stop()
        finally:
            self._close_output()
            self._give_up_port()

    def _stop(self) -> None:
        if self._process.poll() is not None:
            if not self.offers:
                return
            self.start_again()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(END_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(60)
            raise

    def _start(self) -> _Process:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
        offers = [word for offer in self.offers for word in ("--offer", offer)] or ["--no-worker"]
        words = ("up", "--home", str(self.home), *offers, "--port", "0", "--sdk-port", str(self.sdk_port))
        environment = {
            **inherited,
            "PYTHONPATH": PACKAGES,
            "TITAN_LOG_FORMAT": self._log_format,
            **self._settings,
            **self._environment,
        }
        reading, writing = os.pipe()
        self._close_output()
        self._output = os.fdopen(reading)
        with os.fdopen(writing) as greeting, (self.home.parent / f"{self.home.name}.log").open("a") as log:
            process: _Process
            if self._launcher:
                process = subprocess.Popen(
                    [*self._launcher, sys.executable, "-m", "titan.cli", *words, *self.options],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=greeting,
                    stderr=log,
                )
            else:
                process = Forked(*words, *self.options, env=environment, stdout=greeting.fileno(), stderr=log.fileno())
        try:
            _wait_until_up(process, self._output)
        except BaseException:
            self._close_output()  # else its warning fails whatever test is next
            raise
        return process

    def _give_up_port(self) -> None:
        if self._held is not None:
            self._held.close()

    def _close_output(self) -> None:
        if self._output is not None:
            self._output.close()


@contextmanager
def running_titan(
    home: Path,
    *,
    offers: Sequence[str] = ("GENERAL:4",),
    model: str = "none",
    log_format: str = "text",
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    store: str | None = None,
    shared: Path | None = None,
) -> Iterator[RunningTitan]:
    """Run a Titan on free ports for a `with` block.

    `environment` holds more settings, `options` are more of `titan up`, `store` is a database's URL.
    """
    titan = RunningTitan(
        home,
        offers=offers,
        model=model,
        log_format=log_format,
        environment=environment,
        options=options,
        store=store,
        shared=shared,
    )
    try:
        yield titan
    finally:
        titan.stop()


@dataclass(frozen=True, slots=True)
class Two:
    """The ports of two servers: what the one holds is brought to the other."""

    source: int
    target: int


@contextmanager
def two_titans(folder: Path) -> Iterator[Two]:
    """Run two empty servers, which have no worker, for a `with` block."""
    with running_titan(folder / "source", offers=()) as source, running_titan(folder / "target", offers=()) as target:
        yield Two(source.sdk_port, target.sdk_port)


def _wait_until_up(process: _Process, output: IO[str]) -> None:
    """Return when a server has greeted; end one that does not."""
    overdue = threading.Timer(START_WITHIN_SECONDS, process.kill)
    overdue.start()
    greeting = ""
    try:
        for line in output:
            greeting += line
            if line.startswith("Ctrl-C"):
                return
    finally:
        overdue.cancel()
    raise AssertionError(f"titan up ended with {process.wait(60)} before it was up: {greeting}")
