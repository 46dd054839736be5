"""Run a command in its own Linux namespaces, without network and with access to given files only.

A program by itself, of the standard library alone: `python -I -S confined.py PLAN`, where PLAN is a JSON object with
`command`, `folder` (where it runs), `writable` (all that it may write), `system` (paths that it may read), `hidden`
(folders in these that it may not), `readable` (paths that it may read wherever they are), `environment`, `limits`
(rlimit name → value), `user` (the id to become, where root runs it; else null), and `kind`: "namespaces", "bubblewrap"
where that has made the namespaces already, or "none". Its exit code is the command's, or NOT_CONFINED with the reason
on standard error.

It makes mount, network, IPC, UTS and process namespaces, and a user namespace unless root runs it, builds a root of
bind mounts in a tmpfs, enters it, and gives up all privileges before the command starts. See decisions 51 and 59.
"""

from __future__ import annotations

import ctypes
import errno
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
_NEW_USER, _NEW_OTHERS = 0x10000000, 0x00020000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x20000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_MOUNT_SETATTR, _MOUNT_ATTR_RDONLY, _AT_RECURSIVE, _AT_FDCWD = 442, 1, 0x8000, -100  # since Linux 5.12
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 1, 4, 38, 22, 2
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_USER = 1000  # inside; not 0, so that `exec` takes all capabilities away
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LIBC = ctypes.CDLL(None, use_errno=True)
# linux/seccomp.h, linux/audit.h, asm/unistd.h
_RETURN_ALLOW, _RETURN_ERROR, _X32 = 0x7FFF0000, 0x00050000, 0x40000000
#: Machine → its AUDIT_ARCH; add_key, request_key, keyctl, unshare, setns; clone; clone3.
_MACHINES = {
    "x86_64": (0xC000003E, (248, 249, 250, 272, 308), 56, 435),
    "aarch64": (0xC00000B7, (217, 218, 219, 97, 268), 220, 435),
    "riscv64": (0xC00000F3, (217, 218, 219, 97, 268), 220, 435),
}


def main() -> NoReturn:
    """Run the command in the argument, and exit with its exit code."""
    plan = json.loads(sys.argv[1])
    try:
        if plan["kind"] == "namespaces":
            _enter_namespaces(plan["user"])
            child = os.fork()  # the first process of the new process namespace: all others end with it
            if child:
                _end_as(child)
            _bring_up_loopback()
            _build_root(plan)
        if plan["user"] is not None:
            _become(plan["user"])
        if plan["kind"] != "none":
            _call(_LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")  # `_become` resets it
            _call(_LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")  # the program shall not read this process
            _call(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
            _forbid_calls()
            if program := os.fork():
                _reap_until(program)
        _execute(plan["command"], plan["folder"], plan["environment"], plan["limits"])
    except OSError as error:
        _refuse(error)


def _enter_namespaces(user: int | None) -> None:
    if user is not None:  # root needs no user namespace
        _call(_LIBC.unshare(_NEW_OTHERS), "unshare")
        return
    own_user, own_group = os.geteuid(), os.getegid()
    _call(_LIBC.unshare(_NEW_OTHERS | _NEW_USER), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_USER} {own_user} 1")
    _write("/proc/self/gid_map", f"{_USER} {own_group} 1")


def _become(user: int) -> None:
    """Become another user for good, without groups and capabilities."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _forbid_calls() -> None:
    """Refuse system calls that no agent needs: new namespaces, and the worker's keyrings, which belong to none."""
    machine = os.uname().machine
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no filter of system calls for {machine}")
    architecture, refused, clone, clone3 = _MACHINES[machine]
    refuse, allow = (6, 0, 0, _RETURN_ERROR | errno.EPERM), (6, 0, 0, _RETURN_ALLOW)
    # Classic BPF on struct seccomp_data: (operation, jump if true, jump if false, value); linux/bpf_common.h.
    program = [(0x20, 0, 0, 4), (0x15, 1, 0, architecture), refuse, (0x20, 0, 0, 0)]
    program += [(0x35, 0, 1, _X32), refuse]  # the other numbers of x86-64
    program += [step for number in refused for step in ((0x15, 0, 1, number), refuse)]
    # The arguments of clone3 lie in memory, so it is "not implemented": the C library then uses clone.
    program += [(0x15, 0, 1, clone3), (6, 0, 0, _RETURN_ERROR | errno.ENOSYS)]
    program += [(0x15, 1, 0, clone), allow, (0x20, 0, 0, 16), (0x45, 0, 1, _NEW_USER), refuse, allow]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    filters = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    _call(_LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, filters, 0, 0), "seccomp")


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
    for path in kernel_settings():
        _bind(os.open(root + path, os.O_PATH), path, root, is_writable=False)
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


def kernel_settings() -> list[str]:
    """Return the folders and files of /proc that change the kernel, for all of the machine.

    Whoever writes kernel.core_pattern has a program of theirs run as root, outside.
    """
    entries = [entry for entry in os.scandir("/proc") if not (entry.name.isdigit() or entry.is_symlink())]
    return sorted(entry.path for entry in entries if entry.is_dir() or entry.stat().st_mode & 0o222)


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


def _execute(
    command: Sequence[str], folder: str, environment: Mapping[str, str], limits: Mapping[str, int]
) -> NoReturn:
    os.chdir(folder)
    for name, most in limits.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (value, value))
    os.execvpe(command[0], list(command), dict(environment))


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
