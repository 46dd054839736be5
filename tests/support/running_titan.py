"""A real `titan up` for a test: a process of its own, a home of its own, free ports."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.sources import ROOT

START_WITHIN_SECONDS = 60  # it takes 1 s; six people's tests on two cores take their time
END_WITHIN_SECONDS = 30
_SDK_URL = re.compile(r"SDKs\s+https?://[\d.]+:(\d+)")


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
        self._process, self.sdk_port = self._start(sdk_port)

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
        self._process.wait()
        self._close_output()

    def terminate(self) -> None:
        """End the server alone (SIGTERM), and return when it has ended. Its worker goes on."""
        self._process.terminate()
        self._process.wait(END_WITHIN_SECONDS)
        self._close_output()

    def start_again(self) -> None:
        """Start on the same home and port."""
        self._process, self.sdk_port = self._start(self.sdk_port)

    def stop(self) -> None:
        """End the server and its worker as Ctrl-C does; one that was killed is started first, for its worker's sake."""
        if self._process.poll() is not None:
            if not self.offers:
                self._close_output()
                return
            self.start_again()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(END_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._close_output()

    def _start(self, sdk_port: int) -> tuple[subprocess.Popen[str], int]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
        offers = [word for offer in self.offers for word in ("--offer", offer)] or ["--no-worker"]
        command = [sys.executable, "-m", "titan.cli", "up", "--home", str(self.home), *offers]
        with (self.home.parent / f"{self.home.name}.log").open("a") as log:
            process = subprocess.Popen(
                [*self._launcher, *command, "--port", "0", "--sdk-port", str(sdk_port), *self.options],
                env={
                    **inherited,
                    "PYTHONPATH": str(ROOT / "src"),
                    "TITAN_LOG_FORMAT": self._log_format,
                    **self._settings,
                    **self._environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return process, _announced_port(process)

    def _close_output(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()


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


def _announced_port(process: subprocess.Popen[str]) -> int:
    """Return the SDKs' port out of the greeting; end a server that does not greet."""
    overdue = threading.Timer(START_WITHIN_SECONDS, process.kill)
    overdue.start()
    greeting = ""
    try:
        for line in process.stdout or ():
            greeting += line
            if line.startswith("Ctrl-C") and (port := _SDK_URL.search(greeting)):
                return int(port[1])
    finally:
        overdue.cancel()
    raise AssertionError(f"titan up ended with {process.wait()} before it was up: {greeting}")
