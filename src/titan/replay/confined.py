"""Run a command in its own Linux namespaces, without network and with access to given files only.

A program by itself, of the standard library alone: `python -I -S confined.py PLAN`, where PLAN is a JSON object with
`command`, `folder` (where it runs), `writable` (all that it may write), `system` (paths that it may read), `hidden`
(folders in these that it may not), `readable` (paths that it may read wherever they are), `environment`, `limits`
(rlimit name → value), and `is_confined`, true where bubblewrap has made the namespaces already. Its exit code is the
command's, or NOT_CONFINED with the reason on standard error.

It makes user, mount, network, IPC, UTS and process namespaces, builds a root of bind mounts in a tmpfs, enters it, and
gives up all privileges before the command starts. See decision 51.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import stat
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

NOT_CONFINED = 125

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/sockios.h, asm/unistd.h
_NEW_NAMESPACES = 0x10000000 | 0x00020000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x20000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_MOUNT_SETATTR, _MOUNT_ATTR_RDONLY, _AT_RECURSIVE, _AT_FDCWD = 442, 1, 0x8000, -100  # since Linux 5.12
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_USER = 1000  # inside; not 0, so that `exec` takes all capabilities away
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> NoReturn:
    """Run the command in the argument, and exit with its exit code."""
    plan = json.loads(sys.argv[1])
    if plan["is_confined"]:
        _become(plan["command"], plan["folder"], plan["environment"], plan["limits"])
    try:
        _enter_namespaces()
        child = os.fork()  # the first process of the new process namespace: all others end with it
    except OSError as error:
        _refuse(error)
    if child:
        _end_as(child)
    try:
        _call(_LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
        _bring_up_loopback()
        _build_root(plan)
        _call(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    except OSError as error:
        _refuse(error)
    program = os.fork()
    if program:
        _reap_until(program)
    _become(plan["command"], plan["folder"], plan["environment"], plan["limits"])


def _enter_namespaces() -> None:
    user, group = os.geteuid(), os.getegid()
    _call(_LIBC.unshare(_NEW_NAMESPACES), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_USER} {user} 1")
    _write("/proc/self/gid_map", f"{_USER} {group} 1")


def _bring_up_loopback() -> None:
    """Enable 127.0.0.1 in this network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _build_root(plan: Mapping[str, Any]) -> None:
    """Enter a root file system that contains only the given paths."""
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    root = "/tmp"  # any folder: it is covered in this mount namespace alone
    # Opened before what they lie in is covered.
    handles = {path: os.open(path, os.O_PATH) for path in plan["system"] + plan["readable"] if os.path.exists(path)}
    writable = os.open(plan["writable"], os.O_PATH | os.O_DIRECTORY)
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=16m,mode=755")
    for name in ("tmp", "var/tmp", "run", "proc", "dev", "dev/shm"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    for name, size in (("tmp", "1g"), ("dev/shm", "256m")):
        _mount("tmpfs", f"{root}/{name}", "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={size},mode=1777")
    for name in _DEVICES:
        _bind(os.open(f"/dev/{name}", os.O_PATH), f"/dev/{name}", root, is_writable=True)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1")):
        os.symlink(target, f"{root}/dev/{name}")
    _mount("proc", f"{root}/proc", "proc", _MS_NOSUID | _MS_NODEV)
    _protect_kernel(root)
    for path in sorted(handles.keys() & set(plan["system"])):
        _bind(handles.pop(path), path, root, is_writable=False)
    for path in plan["hidden"]:
        if os.path.isdir(root + path):
            _mount("tmpfs", root + path, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
    for path in sorted(handles):
        _bind(handles[path], path, root, is_writable=False)
    _bind(writable, plan["writable"], root, is_writable=True)
    os.chdir(root)
    _call(_LIBC.syscall(_pivot_root(), b".", b"."), "pivot_root")
    _call(_LIBC.umount2(b".", _MNT_DETACH), "umount2")
    os.chdir("/")
    _make_read_only("/", flags=0)


def _protect_kernel(root: str) -> None:
    """Make the kernel's settings read-only: run as root, the program could change /proc/sys.

    Whoever writes kernel.core_pattern has a program of theirs run as root, outside.
    """
    for entry in os.scandir(f"{root}/proc"):
        if entry.name.isdigit() or entry.is_symlink():
            continue
        if entry.is_dir() or entry.stat().st_mode & 0o222:
            _bind(os.open(entry.path, os.O_PATH), f"/proc/{entry.name}", root, is_writable=False)


def _bind(handle: int, path: str, root: str, *, is_writable: bool) -> None:
    """Bind the file or folder of `handle` to `path` below `root`; a link to a folder (/lib) becomes the folder."""
    target = root + path
    if stat.S_ISDIR(os.fstat(handle).st_mode):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    _mount(f"/proc/self/fd/{handle}", target, None, _MS_BIND | _MS_REC)
    os.close(handle)
    if not is_writable:
        _make_read_only(target, flags=_AT_RECURSIVE)


def _make_read_only(path: str, *, flags: int) -> None:
    attributes = struct.pack("4Q", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    result = _LIBC.syscall(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(path), flags, attributes, len(attributes))
    _call(result, f"mount_setattr {path}")


def _become(command: Sequence[str], folder: str, environment: Mapping[str, str], limits: Mapping[str, int]) -> NoReturn:
    try:
        os.chdir(folder)
        for name, most in limits.items():
            number = getattr(resource, name)
            hard = resource.getrlimit(number)[1]
            value = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(number, (value, value))
        os.execvpe(command[0], list(command), dict(environment))
    except OSError as error:
        _refuse(error)


def _reap_until(program: int) -> NoReturn:
    """Reap processes until the program ends, then exit with its exit code."""
    while True:
        pid, status = os.wait()
        if pid == program:
            os._exit(_exit_code(status))


def _end_as(child: int) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGKILL))
    os._exit(_exit_code(os.waitpid(child, 0)[1]))


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    words: list[Any] = [word if word is None else os.fsencode(word) for word in (source, target, kind)]
    result = _LIBC.mount(*words, ctypes.c_ulong(flags), None if data is None else data.encode())
    _call(result, f"mount {target}")


def _call(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _pivot_root() -> int:
    numbers = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
    try:
        return numbers[os.uname().machine]
    except KeyError:
        raise OSError(0, f"pivot_root is not known on {os.uname().machine}") from None


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _refuse(error: OSError) -> NoReturn:
    where = f"{error.filename}: " if error.filename else ""
    os.write(2, f"no sandbox: {where}{error.strerror}\n".encode())
    os._exit(NOT_CONFINED)


if __name__ == "__main__":
    main()
