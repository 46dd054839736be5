"""Sandbox programs with bubblewrap or Linux namespaces: no network, and few of the machine's files."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from titan.replay import confined

TRIED_SECONDS: Final = 30.0  # in which `true` must have run, on a machine that has much to do
NOT_CONFINED: Final = confined.NOT_CONFINED
MOST_WRITTEN_BYTES: Final = 512 * 1024**2  # of a file that a confined program wrote and its worker reads
#: Of one process, or of all of a replay. Far above what agents need; a program that runs away ends there.
LIMITS: Final[Mapping[str, int]] = {
    "RLIMIT_CORE": 0,
    "RLIMIT_NOFILE": 8192,
    "RLIMIT_NPROC": 4096,
    "RLIMIT_FSIZE": 2 * 1024**3,
    "RLIMIT_AS": 32 * 1024**3,
}
#: Read by programs, and the same on all machines: no `/etc/shadow`, no keys.
_SYSTEM: Final = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"),
    *("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime"),
    *("/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/etc/protocols", "/etc/services"),
    *("/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/mime.types", "/etc/timezone"),
)
_IN_A_HOME: Final = ("server.json", "token", "control.db", "calls.db")  # a TITAN_HOME contains at least one of them


class NoSandbox(Exception):
    """This machine has no sandbox; the message has the cause."""


class Kind(StrEnum):
    """The kind of a sandbox."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "namespaces"  #: made by `titan.replay.confined`
    NONE = "none"  #: not at all, as somebody asked: limits alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A sandbox without network: the program reads the system and the interpreter, and writes one folder."""

    kind: Kind
    program: str = ""  #: of bubblewrap

    def command(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        writable: Path,
        readable: Sequence[Path] = (),
        hidden: Sequence[Path] = (),
        environment: Mapping[str, str],
    ) -> list[str]:
        """Return the command that runs `command` in `folder` in the sandbox, with this environment only."""
        system, given = [*_SYSTEM, *_interpreter()], list(map(str, readable))
        covered = [str(path) for path in hidden]
        plan = {
            "command": list(command),
            "folder": str(folder),
            "writable": str(writable),
            "system": system,
            "hidden": covered,
            "readable": given,
            "environment": dict(environment),
            "limits": LIMITS,
            "is_confined": self.kind is not Kind.NAMESPACES,
        }
        runs = [sys.executable, "-I", "-S", confined.__file__, json.dumps(plan)]
        if self.kind is not Kind.BUBBLEWRAP:
            return runs
        binds = [word for path in system for word in ("--ro-bind-try", path, path)]
        binds += [word for path in covered for word in ("--tmpfs", path)]
        binds += [word for path in given for word in ("--ro-bind-try", path, path)]
        options = ["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        places = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"]
        return [self.program, *options, *places, *binds, "--bind", str(writable), str(writable), *runs]


UNCONFINED: Final = Sandbox(kind=Kind.NONE)


def find_sandbox() -> Sandbox:
    """Return a sandbox that was tested on this machine: bubblewrap, else namespaces.

    Raises:
        NoSandbox: neither does.
    """
    program = shutil.which("bwrap")
    found = [Sandbox(kind=Kind.BUBBLEWRAP, program=program)] if program else []
    reasons: list[str] = []
    for sandbox in (*found, Sandbox(kind=Kind.NAMESPACES)):
        why = _why_not(sandbox)
        if why is None:
            return sandbox
        reasons.append(f"{sandbox.kind}: {why}")
    raise NoSandbox(
        f"{'; '.join(reasons)}. Install bubblewrap, allow unprivileged user namespaces,"
        " or execute without a sandbox (no_sandbox, or TITAN_REPLAY_NO_SANDBOX=1 on the worker)"
    )


def homes_around(paths: Sequence[Path]) -> list[Path]:
    """Return the folders above `paths` that are Titan data directories, which a sandbox hides."""
    above = {parent for path in paths for parent in path.parents}
    return sorted(folder for folder in above if any((folder / name).exists() for name in _IN_A_HOME))


def open_written(path: Path) -> BinaryIO:
    """Open a file that a confined program wrote, and refuse links: they could point to files hidden from the program.

    Raises:
        FileNotFoundError: there is none, or something else than a file: a link, a pipe; or it is far too large.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FileNotFoundError(error.errno, error.strerror, str(path)) from error
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and found.st_size <= MOST_WRITTEN_BYTES:
        return os.fdopen(handle, "rb")
    os.close(handle)
    raise FileNotFoundError(f"{path}: expected a file of at most {MOST_WRITTEN_BYTES:,} bytes")


def read_written(path: Path) -> bytes:
    """Return the content of a file that a confined program wrote; see `open_written`."""
    with open_written(path) as file:
        return file.read(MOST_WRITTEN_BYTES)


def _why_not(sandbox: Sandbox) -> str | None:
    """Return why a sandbox does not work on this machine, None where it does."""
    with tempfile.TemporaryDirectory(prefix="titan-sandbox-") as name:
        folder = Path(name)
        command = sandbox.command(["true"], folder=folder, writable=folder, environment={"PATH": os.defpath})
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TRIED_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return None if done.returncode == 0 else done.stderr.strip()[-500:] or f"exit code {done.returncode}"


def _interpreter() -> list[str]:
    """Return the folders of this interpreter and its packages."""
    folders = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path[1:]]
    return [path for path in dict.fromkeys(folders) if path and os.path.isdir(path) and path != os.sep]
