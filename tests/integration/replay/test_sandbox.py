"""What a sandbox lets a program do: each kind that this machine has."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from titan.replay.sandbox import Kind, Sandbox, find_sandbox, homes_around

PROBE = """
import json, os, socket, sys
port, secret, outside = sys.argv[1:]
found = {}
for name, act in {
    "connects": lambda: socket.create_connection(("127.0.0.1", int(port)), 2).close(),
    "reads": lambda: open(secret).read(),
    "writes": lambda: open(outside, "w").close(),
    "writes_own": lambda: open("own", "w").close(),
    "mounts": lambda: os.chroot("/"),
}.items():
    try:
        act()
        found[name] = True
    except OSError:
        found[name] = False
print(json.dumps(found | {"environment": sorted(os.environ), "user": os.getuid()}))
"""


of_each_kind = pytest.mark.parametrize(
    "sandbox",
    [
        pytest.param(Sandbox(kind=Kind.BUBBLEWRAP, program="bwrap"), id="bubblewrap", marks=pytest.mark.needs("bwrap")),
        pytest.param(Sandbox(kind=Kind.NAMESPACES), id="namespaces"),
    ],
)


@of_each_kind
def test_a_program_reaches_no_network_no_secret_and_writes_one_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "home" / "folder"
    folder.mkdir(parents=True)
    (home / "token").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        command = [sys.executable, "-c", PROBE, port, str(home / "token"), str(Path(sys.prefix, "written"))]
        confined = sandbox.command(
            command,
            folder=folder,
            writable=folder,
            hidden=homes_around([folder]),
            environment={"PATH": "/usr/bin:/bin", "KNOWN": "1"},
        )

        done = subprocess.run(confined, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: found[name] for name in ("connects", "reads", "writes", "writes_own", "mounts")} == {
        "connects": False,
        "reads": False,
        "writes": False,
        "writes_own": True,
        "mounts": False,
    }
    assert found["environment"] in (["KNOWN", "PATH"], ["KNOWN", "LC_CTYPE", "PATH"])
    assert (folder / "own").exists()
    assert not Path(sys.prefix, "written").exists()


@of_each_kind
def test_a_program_changes_no_setting_of_the_kernel_where_root_runs_it_too(sandbox: Sandbox, tmp_path: Path) -> None:
    probe = """
import os
for folder, _, names in os.walk("/proc"):
    if folder.split("/")[2:3] and folder.split("/")[2].isdigit():
        continue
    for name in names:
        try:
            os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            continue
        print(os.path.join(folder, name))
"""
    confined = sandbox.command(
        [sys.executable, "-c", probe], folder=tmp_path, writable=tmp_path, environment={"PATH": "/usr/bin:/bin"}
    )

    done = subprocess.run(confined, capture_output=True, text=True, timeout=120)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_homes_folder_is_hidden_also_where_a_folder_of_packages_is_above_it(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "home" / "folder"
    folder.mkdir(parents=True)
    (home / "token").write_text("secret")
    words = ["from pathlib import Path; import sys; print(Path(sys.argv[1]).exists())", str(home / "token")]
    program = f"import sys; sys.path.append({str(tmp_path)!r}); from titan.replay.sandbox import find_sandbox;"
    program += f"""
from pathlib import Path
from titan.replay.sandbox import homes_around
folder = Path({str(folder)!r})
found = find_sandbox().command([sys.executable, "-c", *{words!r}], folder=folder, writable=folder,
                               hidden=homes_around([folder]), environment={{"PATH": "/usr/bin:/bin"}})
import subprocess; sys.exit(subprocess.run(found).returncode)
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)

    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


def test_this_machine_has_one() -> None:
    assert find_sandbox().kind in (Kind.BUBBLEWRAP, Kind.NAMESPACES)
