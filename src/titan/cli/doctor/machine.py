"""This machine: whether jobs start here, and whether all of what they start can be ended."""

import os
import select
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from titan.cli.doctor.findings import Finding, fail, ok, warn
from titan.cli.formats import duration

if TYPE_CHECKING:
    from titan.engine.executors.local import LocalExecutor
    from titan.ports_execution import AttemptEnd

WARM_SECONDS: Final = 30.0  # as a worker waits
END_SECONDS: Final = 20.0

#: Leaves a process behind that left its session, as a daemon does, and says which.
_STRAY_JOB: Final = """\
import subprocess
stray = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(stray.pid, flush=True)
"""


def check_machine() -> Iterator[Finding]:
    """Run a job as a worker would, and look whether anything of it is left."""
    from titan.engine.executors.local import LocalExecutor

    started = time.monotonic()
    executor = LocalExecutor(spare_keepers=1)
    try:
        if not executor.wait_until_warm(WARM_SECONDS):
            yield fail(
                "interpreter", "no warm interpreter came up", "Run `titan workers join` by hand: its log says why."
            )
            return
        yield ok("interpreter", f"warm after {_since(started)}")
        with tempfile.TemporaryDirectory() as folder:
            yield from _check_a_job(executor, Path(folder))
    finally:
        executor.close()


def _check_a_job(executor: "LocalExecutor", folder: Path) -> Iterator[Finding]:
    from titan.ports_execution import AttemptOrder

    script, log = folder / "job" / "stray.py", folder / "log"
    script.parent.mkdir()
    script.write_text(_STRAY_JOB)
    started = time.monotonic()
    executor.start(AttemptOrder(lease_id="doctor", script=script, args=(), directory=folder, log=log, environment={}))
    ends = _ends(executor, started + END_SECONDS)
    if not ends or ends[0].exit_code != 0:
        said = log.read_text("utf-8", "replace").strip()[-300:] if log.exists() else ""
        why = (ends[0].start_error if ends else "it did not end") or said or "it said nothing"
        yield fail("jobs", f"a job does not run here: {why}", "Look at the limits on processes and memory (ulimit -a).")
        return
    yield ok("jobs", f"one was started, forked and ended in {_since(started)}")
    pid = int(log.read_text().split()[0])
    if _is_alive(pid):
        yield warn("kill", "a process that left its session outlives its job here", "Jobs should end what they start.")
    else:
        yield ok("kill", "whatever a job starts ends with it")


def _ends(executor: "LocalExecutor", deadline: float) -> "list[AttemptEnd]":
    """Wait for the attempt's end; what else the executor hears of comes before it."""
    ends: list[AttemptEnd] = []
    while not ends and (left := deadline - time.monotonic()) > 0:
        select.select([executor], [], [], left)
        ends = executor.ends()
    return ends


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _since(started: float) -> str:
    return duration(timedelta(seconds=time.monotonic() - started))
