"""Runs scripts as attempts on an executor and returns their outcome and output."""

import select
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType

from tests.support.waiting import wait_until
from titan.ports.execution import AttemptEnd, AttemptOrder, Executor
from titan.worker.executors.local import LocalExecutor


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An attempt that has ended, with its output."""

    end: AttemptEnd
    output: bytes

    @property
    def text(self) -> str:
        """The output, which must be UTF-8."""
        return self.output.decode()


class Attempts:
    """Starts attempts on an executor and waits for them, each in a folder of its own."""

    def __init__(self, executor: Executor, folder: Path, *, is_cold: bool = False) -> None:
        self.executor = executor
        self.workspace = folder / "workspace"
        self._folder = folder
        self._is_cold = is_cold
        self._numbers = count(1)
        self._ended: dict[str, AttemptEnd] = {}
        self.workspace.mkdir(exist_ok=True)

    def start(
        self,
        script: str,
        *args: str,
        filename: str = "job.py",
        folder_name: str | None = None,
        environment: Mapping[str, str] | None = None,
        is_cold: bool | None = None,
        memory_limit_bytes: int | None = None,
    ) -> str:
        """Start a script and return its lease."""
        lease_id = f"lease{next(self._numbers)}"
        folder = self._folder / (folder_name or lease_id)
        folder.mkdir(exist_ok=True)
        (folder / filename).write_text(script)
        order = AttemptOrder(
            lease_id=lease_id,
            script=folder / filename,
            args=args,
            directory=self.workspace,
            log=self._log(lease_id),
            environment=environment or {},
            is_cold=self._is_cold if is_cold is None else is_cold,
            memory_limit_bytes=memory_limit_bytes,
        )
        self.executor.start(order)
        return lease_id

    def run(self, script: str, *args: str, **more: object) -> Ended:
        """Start a script and wait for its end."""
        return self.wait(self.start(script, *args, **more))  # type: ignore[arg-type] # start's own keywords

    def wait(self, lease_id: str, *, seconds: float = 30.0) -> Ended:
        """Wait for the end of an attempt."""
        deadline = time.monotonic() + seconds
        while lease_id not in self._ended:
            left = deadline - time.monotonic()
            assert left > 0, f"{lease_id} did not end within {seconds:g} s; it wrote {self.output(lease_id)!r}"
            select.select([self.executor], [], [], left)
            self._ended.update((end.lease_id, end) for end in self.executor.ends())
        return Ended(end=self._ended[lease_id], output=self.output(lease_id))

    def output(self, lease_id: str) -> bytes:
        """Return what the attempt has written so far."""
        log = self._log(lease_id)
        return log.read_bytes() if log.exists() else b""

    def wait_for_output(self, lease_id: str, text: str) -> str:
        """Wait until the output holds a line with `text`; return what follows it on that line."""
        wait_until(lambda: f"{text}" in self._whole_lines(lease_id), f"{lease_id} writes {text!r}")
        return self._whole_lines(lease_id).split(text, 1)[1].split("\n", 1)[0].strip()

    def _whole_lines(self, lease_id: str) -> str:
        return self.output(lease_id).decode().rpartition("\n")[0] + "\n"

    def _log(self, lease_id: str) -> Path:
        return self._folder / f"{lease_id}.log"


class LocalAttempts(Attempts):
    """Attempts on a LocalExecutor that is closed with the block."""

    def __init__(self, folder: Path, *, is_cold: bool = False, **options: object) -> None:
        self.local = LocalExecutor(**options)  # type: ignore[arg-type] # the executor's own keywords
        super().__init__(self.local, folder, is_cold=is_cold)

    def __enter__(self) -> "LocalAttempts":
        assert self.local.wait_until_warm(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.local.close()
