"""Sandbox programs with bubblewrap or Linux namespaces: no network, and few of the machine's files, and not as root."""

import grp
import json
import os
import pwd
import random
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
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
    "RLIMIT_CORE": 1,  # 0 would still start the program that kernel.core_pattern names
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
#: Ids that nothing gives out (systemd's "Users, Groups, UIDs and GIDs").
_UNUSED_IDS: Final = range(0x70000000, 0x7FFF0000)
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
        """Return the command that runs `command` in `folder` in the sandbox, with this environment only.

        As root, it becomes an unused user, to whom `writable` is given; `readable` is made readable to all.
        """
        user = None if self.kind is Kind.NONE else unused_id()
        if user is not None:
            _give(writable, user)
            for each in readable:
                _let_read(each)
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
            "user": user,
            "kind": self.kind.value,
        }
        runs = [sys.executable, "-I", "-S", confined.__file__, json.dumps(plan)]
        if self.kind is not Kind.BUBBLEWRAP:
            return runs
        binds = [word for path in system for word in _bound(path)]
        binds += [word for path in covered for word in ("--tmpfs", path)]
        binds += [word for path in given for word in _bound(path)]
        binds += [word for path in confined.kernel_settings() for word in ("--ro-bind", path, path)]
        options = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--cap-drop", "ALL"]
        options += ["--die-with-parent", "--new-session", "--as-pid-1"]
        if user is None:
            options += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
        else:  # until it has become that user
            options += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        places = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run"]
        for path, size in (("/tmp", 1024**3), ("/dev/shm", 256 * 1024**2)):
            places += ["--perms", "1777", "--size", str(size), "--tmpfs", path]
        return [self.program, *options, *places, *binds, *_bound(str(writable), "--bind"), *runs]


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


def unused_id() -> int | None:
    """Return the id of a user and group of which this machine has none; None where only root may become somebody."""
    if os.geteuid() != 0:
        return None
    first, _, count = max((list(map(int, line.split())) for line in _mapped_ids()), key=sum)
    ids = _UNUSED_IDS if first + count > _UNUSED_IDS.stop else range(max(first, first + count - 4096), first + count)
    taken = {entry.pw_uid for entry in pwd.getpwall()} | {entry.gr_gid for entry in grp.getgrall()} | {0, 65534}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            taken.add(os.stat(f"/proc/{name}").st_uid)
    free = [one for one in random.SystemRandom().sample(ids, min(len(ids), 1000)) if one not in taken]
    return free[0] if free else None


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


def _mapped_ids() -> list[str]:
    return Path("/proc/self/uid_map").read_text("ascii").splitlines()  # in a container root has a part of all ids


def _bound(path: str, how: str = "--ro-bind-try") -> list[str]:
    """Return the options that bind a path; bubblewrap makes missing folders above it for root alone."""
    above = [str(parent) for parent in reversed(Path(path).parents)][1:]
    return [*(word for folder in above for word in ("--perms", "0755", "--dir", folder)), how, path, path]


def _give(folder: Path, user: int) -> None:
    """Make `user` the owner of a folder and all in it; links are not followed."""
    for above, folders, files in os.walk(folder):
        for name in ("", *folders, *files):
            os.chown(os.path.join(above, name), user, user, follow_symlinks=False)


def _let_read(path: Path) -> None:
    """Let everybody read a file, or a folder and all in it; links are not followed."""
    for one in (path, *path.rglob("*")):
        if not one.is_symlink():
            one.chmod(one.stat().st_mode | (0o555 if one.is_dir() else 0o444))


def _why_not(sandbox: Sandbox) -> str | None:
    """Return why a sandbox does not work on this machine, None where it does."""
    with tempfile.TemporaryDirectory(prefix="titan-sandbox-") as name:
        folder = Path(name)
        try:
            command = sandbox.command(["true"], folder=folder, writable=folder, environment={"PATH": os.defpath})
            done = subprocess.run(command, capture_output=True, text=True, timeout=TRIED_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return None if done.returncode == 0 else done.stderr.strip()[-500:] or f"exit code {done.returncode}"


def _interpreter() -> list[str]:
    """Return the folders of this interpreter and its packages."""
    folders = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path[1:]]
    return [path for path in dict.fromkeys(folders) if path and os.path.isdir(path) and path != os.sep]
