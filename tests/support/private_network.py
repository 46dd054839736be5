"""Runs a command with a loopback interface of its own, where every port is free.

    python private_network.py new -- COMMAND…      in a new network; the command keeps this process's id
    python private_network.py of PID -- COMMAND…   in the network of that process

For programs that name a port themselves. Linux only; who is not root needs user namespaces that everybody may make.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1  # linux/sockios.h, linux/if.h
_INTERFACE = struct.Struct("16sh14x")  # struct ifreq, as far as flags need it


def main(arguments: list[str]) -> None:
    """Enter the network and become the command."""
    split = arguments.index("--")
    network, command = arguments[:split], arguments[split + 1 :]
    if network == ["new"]:
        _make()
    else:
        _enter(int(network[1]))
    os.execvp(command[0], command)


def _make() -> None:
    try:
        _call("unshare", CLONE_NEWNET)  # root stays root, and reads the files of others
    except PermissionError:
        _call("unshare", CLONE_NEWUSER | CLONE_NEWNET)
    with socket.socket() as any_socket:
        named = _INTERFACE.pack(b"lo", 0)
        _, flags = _INTERFACE.unpack(fcntl.ioctl(any_socket, SIOCGIFFLAGS, named))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, _INTERFACE.pack(b"lo", flags | IFF_UP))


def _enter(pid: int) -> None:
    kinds = [
        kind
        for kind in ("user", "net")
        if os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
    ]
    descriptors = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in kinds]
    for descriptor in descriptors:
        _call("setns", descriptor, 0)
        os.close(descriptor)


def _call(name: str, *arguments: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    main(sys.argv[1:])
