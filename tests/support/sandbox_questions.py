"""Asks a sandbox from inside what a program may do there.

`python sandbox_questions.py KIND FOLDER FACTS` starts itself in a sandbox of this kind and prints the answers, a JSON
object: question → whether the program could, or what it found. FACTS is a JSON object about the machine outside, see
`tests/integration/replay/test_sandbox.py`. It needs no package but `titan`, so that another user can run it.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import platform
import resource
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

_NEW_USER: Final = 0x10000000
_PTRACE_ATTACH: Final = 16
#: Machine → numbers of add_key, keyctl, clone
_CALLS: Final = {"x86_64": (248, 250, 56), "aarch64": (217, 219, 220), "riscv64": (217, 219, 220)}
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def main(kind: str, folder: Path, facts: Mapping[str, Any]) -> int:
    """Run this file in a sandbox; return its exit code."""
    import shutil

    from titan.replay.sandbox import Kind, Sandbox, homes_around

    sandbox = Sandbox(kind=Kind(kind), program=shutil.which("bwrap") or "")
    command = [sys.executable, "-I", "-S", __file__, json.dumps(dict(facts))]
    confined = sandbox.command(
        command,
        folder=folder,
        writable=folder,
        readable=[Path(__file__)],
        hidden=homes_around([folder]),
        environment={"PATH": "/usr/bin:/bin", "KNOWN": "1"},
    )
    return subprocess.run(confined, timeout=120, check=False).returncode


def answers(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers of the program that this process is."""
    add_key, keyctl, clone = _CALLS[platform.machine()]
    able: dict[str, Callable[[], object]] = {
        "connects to a port of this machine": lambda: _connect(socket.AF_INET, ("127.0.0.1", facts["port"])),
        "connects to a port of this machine by IPv6": lambda: _connect(socket.AF_INET6, ("::1", facts["port6"])),
        "connects to an abstract socket": lambda: _connect(socket.AF_UNIX, f"\0{facts['abstract']}"),
        "connects to the internet": lambda: _connect(socket.AF_INET, ("192.0.2.1", 9)),
        "resolves a name": lambda: socket.getaddrinfo("example.org", 80),
        "uses its own loopback": _use_loopback,
        "reads /etc/shadow": lambda: Path("/etc/shadow").read_bytes(),
        "reads the token of the home": lambda: Path(facts["token"]).read_bytes(),
        "writes into the interpreter": lambda: open(os.path.join(sys.prefix, "written"), "w").close(),
        "writes into the system": lambda: open("/usr/written", "w").close(),
        "writes its folder": lambda: open("own", "w").close(),
        "writes a temporary file": lambda: open("/tmp/own", "w").close(),
        "writes shared memory": lambda: open("/dev/shm/own", "w").close(),
        "writes a file of 3 GiB": lambda: _truncate("large", 3 * 1024**3),
        "takes 33 GiB of memory": lambda: mmap.mmap(-1, 33 * 1024**3).close(),
        "mounts": lambda: _do(_LIBC.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None)),
        "changes its root": lambda: os.chroot("/"),
        "makes a device": lambda: os.mknod("device", 0o600 | stat.S_IFBLK, os.makedev(8, 0)),
        "becomes root": lambda: os.setuid(0),
        "makes a user namespace": lambda: _do(_LIBC.unshare(_NEW_USER)),
        "makes a process in a user namespace": lambda: _clone(clone),
        "adds a key": lambda: _do(min(0, _LIBC.syscall(add_key, b"user", b"titan-test", b"x", 1, -3))),
        "reads the keys of its session": lambda: _do(min(0, _LIBC.syscall(keyctl, 0, -3, 0, 0, 0))),
        "signals a process outside": lambda: os.kill(facts["pid"], 0),
        "traces the first process": lambda: _do(_LIBC.ptrace(_PTRACE_ATTACH, 1, None, None)),
        "makes more processes than its limit": _fork_too_many,
    }
    _can(lambda: open(facts["outside"], "w").close())  # whether that is there is asked outside
    return {question: _can(act) for question, act in able.items()} | {
        "settings of the kernel that it opens for writing": _kernel_settings(),
        "devices": sorted(name for name in os.listdir("/dev") if _is_device(f"/dev/{name}") and name != "tty"),
        "processes of others": _others("".join(facts["secret"])),
        "processes of root": [pid for pid in _pids() if _ids(pid)[0] == 0],
        "capabilities and privileges to gain": [_status("self", name) for name in ("CapPrm", "CapEff", "NoNewPrivs")],
        "limits of processes and core files": [
            resource.getrlimit(resource.RLIMIT_NPROC)[1],
            resource.getrlimit(resource.RLIMIT_CORE)[1],
        ],
        "environment": sorted(set(os.environ) - {"LC_CTYPE"}),
        "user": os.getuid(),
    }


def _can(act: Callable[[], object]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True


def _do(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _connect(family: int, address: Any) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as connected:
        connected.settimeout(5)
        connected.connect(address)


def _use_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _connect(socket.AF_INET, listener.getsockname())


def _truncate(path: str, size: int) -> None:
    with open(path, "wb") as file:
        os.truncate(file.fileno(), size)


def _clone(number: int) -> None:
    pid = _LIBC.syscall(number, _NEW_USER | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    _do(min(0, pid))
    os.waitpid(pid, 0)


def _fork_too_many() -> None:
    """Fork 60 processes under a limit of 40, which binds whoever is not root."""
    resource.setrlimit(resource.RLIMIT_NPROC, (40, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
    children = []
    try:
        for _ in range(60):
            pid = os.fork()
            if pid == 0:
                signal.pause()
            children.append(pid)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _kernel_settings() -> list[str]:
    found = []
    for folder, _, names in os.walk("/proc"):
        if folder.split("/")[2:3] and folder.split("/")[2].isdigit():
            continue
        for name in names:
            path = os.path.join(folder, name)
            if _can(lambda path=path: os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))):  # type: ignore[misc]
                found.append(path)
    return found


def _is_device(path: str) -> bool:
    mode = os.lstat(path).st_mode
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def _pids() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit()]


def _ids(pid: str) -> list[int]:
    return [int(word) for word in _status(pid, "Uid").split()]


def _status(pid: str, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(f"{name}:"))


def _others(secret: str) -> list[str]:
    """Return the processes that show this secret, in their environment or their command."""
    found = []
    for path in (f"/proc/{pid}/{name}" for pid in _pids() for name in ("environ", "cmdline")):
        try:
            if secret.encode() in Path(path).read_bytes():
                found.append(path)
        except OSError:
            continue
    return found


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.stdout.write(json.dumps(answers(json.loads(sys.argv[1]))))
    else:
        sys.exit(main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])))
