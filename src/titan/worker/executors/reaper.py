"""The reaper process: runs one job at a time, and ends every process that the job leaves.

It is forked from the zygote, has one thread, and forks a child for each order. Because it adopts orphans and runs
one job at a time, every process below it belongs to that job. It ends all of them when the job's main process ends,
when the job is to stop, or when the worker at the other end of the channel is gone.
"""

from __future__ import annotations

import marshal
import os
import select
import time
from signal import SIGKILL, SIGTERM

from titan.worker.executors.job_process import REASON_MAX_BYTES, START_FAILED_EXIT_CODE, await_order
from titan.worker.executors.process_tree import (
    IS_LINUX,
    children_of,
    descendants,
    end_children,
    has_children,
    reap,
    signal_all,
    signal_group,
)

TYPE_CHECKING = False  # as in messages.py
if TYPE_CHECKING:
    from resource import struct_rusage

    from titan.worker.executors.messages import Channel, EndNotice, RunOrder, StopOrder
    from titan.worker.executors.script_runner import LoadedModules

_REAP_SECONDS = 5.0  # how long an orphan of a running job may stay a zombie
_WITHOUT_PIDFD_SECONDS = 0.02  # macOS: how often to look whether the job has ended
_MAX_RSS_UNIT_BYTES = 1024 if IS_LINUX else 1  # getrusage(2): KiB on Linux, bytes on macOS


class Reaper:
    """Runs the orders of one worker, one after the other."""

    def __init__(self, channel: Channel, loaded_before: LoadedModules) -> None:
        self._channel = channel
        self._loaded_before = loaded_before
        self._poller = select.poll()
        self._poller.register(channel.fileno(), select.POLLIN)
        self._reasons, self._reasons_of_child = os.pipe()
        os.set_blocking(self._reasons, False)
        self._is_worker_gone = False

    def serve(self) -> None:
        """Run orders until the worker is gone, or something was left that cannot be killed."""
        is_clean = True
        while is_clean and not self._is_worker_gone:
            child, pipe = self._fork_child()
            order = self._next_order()
            if order is None:
                break
            notice = self._run(order, child, pipe)
            is_clean = not has_children() or end_children()
            if not self._is_worker_gone:
                self._channel.send({**notice})
        end_children()

    def _fork_child(self) -> tuple[int, int]:
        """Fork the process of the next job; return its pid and the pipe through which it awaits its order."""
        of_child, pipe = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(pipe)  # or it would never see the end of a reaper that dies
            private = (self._channel.fileno(), self._reasons, self._reasons_of_child)
            await_order(of_child, self._loaded_before, reasons=self._reasons_of_child, private=private)
        os.close(of_child)
        return pid, pipe

    def _next_order(self) -> RunOrder | None:
        while True:
            message: RunOrder | StopOrder | None = self._channel.take()  # type: ignore[assignment] # narrowed here
            if message is None:
                if not self._channel.fill():
                    return None
            elif message["kind"] == "run":
                return message
            # A stop that comes now came too late: its attempt has ended.

    def _run(self, order: RunOrder, child: int, pipe: int) -> EndNotice:
        started_at_ns, began_ns = time.time_ns(), time.monotonic_ns()
        while not _hand_over(order, pipe):  # somebody killed the child while it waited
            os.waitpid(child, 0)
            child, pipe = self._fork_child()
        exit_code, usage = self._wait_for(_RunningJob(child, order["lease_id"]))
        return {
            "lease_id": order["lease_id"],
            "exit_code": exit_code if exit_code >= 0 else None,
            "signal": -exit_code if exit_code < 0 else None,
            "started_at_ns": started_at_ns,
            "duration_ns": time.monotonic_ns() - began_ns,
            "peak_memory_bytes": usage.ru_maxrss * _MAX_RSS_UNIT_BYTES,
            "start_error": self._start_error() if exit_code == START_FAILED_EXIT_CODE else None,
        }

    def _start_error(self) -> str | None:
        """Return the reason that the child wrote; None when the script itself chose this exit code."""
        try:
            return os.read(self._reasons, REASON_MAX_BYTES).decode("utf-8", "replace")
        except BlockingIOError:
            return None

    def _wait_for(self, job: _RunningJob) -> tuple[int, struct_rusage]:
        """Return the main process's exit code (negative: the signal) and usage, obeying the worker meanwhile."""
        watched = os.pidfd_open(job.pid) if IS_LINUX else None
        if watched is not None:
            self._poller.register(watched, select.POLLIN)
        while True:
            self._obey(job)
            ready = self._poller.poll(job.milliseconds_to_wait())
            ended, status, usage = os.wait4(job.pid, os.WNOHANG)
            if ended:
                break
            if any(descriptor == self._channel.fileno() for descriptor, _ in ready):
                self._listen(job)
            elif not ready:
                job.look_after()
        if watched is not None:
            self._poller.unregister(watched)
            os.close(watched)
        else:
            job.kill()  # the rest of its group; on Linux `serve` ends the rest
        return os.waitstatus_to_exitcode(status), usage

    def _obey(self, job: _RunningJob) -> None:
        message: RunOrder | StopOrder | None = self._channel.take()  # type: ignore[assignment] # as in _next_order
        if message is not None and message["kind"] == "stop" and message["lease_id"] == job.lease_id:
            job.stop(message["grace_seconds"])

    def _listen(self, job: _RunningJob) -> None:
        if not self._channel.fill():
            self._is_worker_gone = True
            self._poller.unregister(self._channel.fileno())
            job.kill()


def _hand_over(order: RunOrder, pipe: int) -> bool:
    """Write the order and close the pipe; return False when nobody reads it."""
    left = memoryview(marshal.dumps({**order}))
    try:
        while left:
            left = left[os.write(pipe, left) :]
    except BrokenPipeError:
        return False
    finally:
        os.close(pipe)
    return True


class _RunningJob:
    """The main process of a job, until it is reaped."""

    def __init__(self, pid: int, lease_id: str) -> None:
        self.pid = pid
        self.lease_id = lease_id
        self._kill_at: float | None = None

    def stop(self, grace_seconds: float) -> None:
        """Send SIGTERM to every process of the job, and kill what is left after the grace."""
        if grace_seconds <= 0:
            self.kill()
            return
        self._signal_all(SIGTERM)
        self._kill_at = time.monotonic() + grace_seconds

    def kill(self) -> None:
        """Kill every process of the job that can be seen now; the reaper finds the rest once this one is reaped."""
        self._signal_all(SIGKILL)

    def look_after(self) -> None:
        """Do what is due: kill after the grace, and reap the orphans that the job left to the reaper."""
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self.kill()
        reap(child for child in children_of(os.getpid()) if child != self.pid)

    def milliseconds_to_wait(self) -> int:
        """Return how long to wait before `look_after` is due again."""
        seconds = _REAP_SECONDS if IS_LINUX else _WITHOUT_PIDFD_SECONDS
        if self._kill_at is not None:
            seconds = min(seconds, max(0.001, self._kill_at - time.monotonic()))
        return round(seconds * 1000)

    def _signal_all(self, signal_number: int) -> None:
        if IS_LINUX:
            signal_all(descendants(os.getpid()), signal_number)
        else:
            signal_group(self.pid, signal_number)
