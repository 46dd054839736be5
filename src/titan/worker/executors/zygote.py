"""The zygote process: a fresh Python that has imported what scripts commonly import, and forks a reaper for each slot.

It has one thread and holds no lock, connection or secret, so that forks of it are as good as new. It imports only the
standard library and titan_sdk. Processes that a dead reaper leaves become the zygote's children, and it ends them.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import socket
import sys
import time

# What scripts commonly import, and what their first call to the SDK needs, as long as it is cheap to fork. `threading`
# and `random` are not: what they do after each fork writes to 130 and 50 pages, and takes 0.4 and 0.1 ms from every
# script to save 1.5 ms for the few; `titan_sdk.recording` needs both. Nor is `ssl`, for TLS: its mappings take 0.1 ms.
# isort: off
import argparse  # noqa: F401
import base64  # noqa: F401
import datetime  # noqa: F401
import hashlib  # noqa: F401
import pathlib  # noqa: F401
import titan_sdk.client
import titan_sdk.job
import titan_sdk.results
import titan_sdk.run_end
import titan_sdk.signals
import titan_sdk.stages
import titan_sdk.http.transport  # noqa: F401
import traceback  # noqa: F401
import urllib.parse  # noqa: F401
# isort: on

from titan.worker.executors.job_process import rehearse_job
from titan.worker.executors.messages import END, ENDED, FORK, NOTE_BYTES, READY, Channel, note, read_note
from titan.worker.executors.process_tree import IS_LINUX, adopt_orphans, end_children, reap, signal_all
from titan.worker.executors.reaper import Reaper
from titan.worker.executors.script_runner import LoadedModules

TYPE_CHECKING = False  # as in messages.py
if TYPE_CHECKING:
    from typing import NoReturn

_REHEARSALS = 10  # Python 3.11 specialises bytecode that has run eight times
_OOM_SCORE_ADJUSTMENT = b"300"  # of 1000: short of memory, the kernel takes a job before a server or a worker
_ENDING_SECONDS = 3.0  # for reapers to end their jobs by themselves once the worker is gone
_ENDING_MILLISECONDS = 50
_POLL_MILLISECONDS = None if IS_LINUX else 50  # macOS has no pidfd: how often to look for dead reapers


def main() -> None:
    """Serve the worker at the other end of the socket whose descriptor is this program's argument."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    _reset_process()
    _hide_own_modules()
    loaded = LoadedModules()
    for _ in range(_REHEARSALS):
        rehearse_job(loaded)
    gc.collect()
    gc.freeze()  # a collection in a fork would write to, and so copy, every page
    gc.disable()
    zygote = _Zygote(control, loaded)
    zygote.serve()
    zygote.close()


class _Zygote:
    """The reapers forked so far, by their number, and the worker they were forked for."""

    def __init__(self, control: socket.socket, loaded: LoadedModules) -> None:
        self._control = control
        self._loaded = loaded
        self._poller = select.poll()
        self._poller.register(control.fileno(), select.POLLIN)
        self._reapers: dict[int, _ForkedReaper] = {}

    def serve(self) -> None:
        """Fork reapers on request, and report those that die, until the worker is gone."""
        self._tell(READY, 0)
        while True:
            ready = self._poller.poll(_POLL_MILLISECONDS)
            self._reap_dead()
            if any(descriptor == self._control.fileno() for descriptor, _ in ready) and not self._take_note():
                return

    def close(self) -> None:
        """Let the reapers, whose channels have closed as well, end their jobs; then end whatever is left."""
        self._poller.unregister(self._control.fileno())
        give_up_at = time.monotonic() + _ENDING_SECONDS
        while self._reapers and time.monotonic() < give_up_at:
            self._poller.poll(_ENDING_MILLISECONDS)
            self._reap_dead()
        end_children()

    def _take_note(self) -> bool:
        try:
            text, descriptors, _, _ = socket.recv_fds(self._control, NOTE_BYTES, 1)
        except OSError:
            return False
        if not text:
            return False
        word, number = read_note(text)
        if word == FORK:
            os.set_inheritable(descriptors[0], False)  # received ones are inherited by exec, so by cold jobs
            self._fork_reaper(number, descriptors[0])
        elif word == END and number in self._reapers:
            signal_all([self._reapers[number].pid], signal.SIGKILL)
        return True

    def _fork_reaper(self, number: int, channel: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_reaper(channel)
        os.close(channel)
        watched = os.pidfd_open(pid) if IS_LINUX else None
        if watched is not None:
            self._poller.register(watched, select.POLLIN)
        self._reapers[number] = _ForkedReaper(pid, watched)

    def _become_reaper(self, channel: int) -> NoReturn:
        """Go on as a reaper: without the zygote's descriptors, and in a session of its own."""
        try:
            os.setsid()
            adopt_orphans()
            self._control.close()
            for reaper in self._reapers.values():
                reaper.close()
            Reaper(Channel(socket.socket(fileno=channel)), self._loaded).serve()
        except BaseException:  # noqa: BLE001 (the zygote's code must not run on in this process)
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)

    def _reap_dead(self) -> None:
        """Wait for reapers that died, end what they left, and only then tell the worker."""
        dead = [number for number, reaper in self._reapers.items() if reap([reaper.pid])]
        for number in dead:
            reaper = self._reapers.pop(number)
            if reaper.watched is not None:
                self._poller.unregister(reaper.watched)
            reaper.close()
        if dead:
            end_children(spared=[reaper.pid for reaper in self._reapers.values()])
        for number in dead:
            self._tell(ENDED, number)

    def _tell(self, word: bytes, number: int) -> None:
        try:
            self._control.sendall(note(word, number))
        except OSError:
            return  # the worker is gone, which the next read will show


class _ForkedReaper:
    """A reaper's process; `watched` is a descriptor that becomes readable when it dies."""

    def __init__(self, pid: int, watched: int | None) -> None:
        self.pid = pid
        self.watched = watched

    def close(self) -> None:
        if self.watched is not None:
            os.close(self.watched)


def _hide_own_modules() -> None:
    """Remove modules that only Titan uses from `sys.modules`, so that a script that wants one imports it."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("titan", "ctypes")]:
        del sys.modules[name]


def _reset_process() -> None:
    """Set what jobs inherit: default signals, no core dumps, and a high OOM score."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker started with `&` would pass on an ignored one
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    adopt_orphans()
    if IS_LINUX:
        _raise_oom_score()


def _raise_oom_score() -> None:
    try:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as adjustment:
            adjustment.write(_OOM_SCORE_ADJUSTMENT)
    except PermissionError:
        return  # it is set higher already, and only zygote may lower it


if __name__ == "__main__":
    main()
