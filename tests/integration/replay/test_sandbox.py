"""What a sandbox lets a program do: each kind that this machine has."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.another_user import AS_NOBODY, NEED, NOBODY, python_of_everybody
from tests.support.sources import ROOT
from titan.replay.sandbox import Kind, Sandbox, find_sandbox

NOBODY_ID = int(NOBODY)
QUESTIONS = ROOT / "tests" / "support" / "sandbox_questions.py"
SECRET = ("titan-test-", "secret-of-the-worker")  # in two parts, so that no command line contains it whole
ALLOWED = {"uses its own loopback", "writes its folder", "writes a temporary file", "writes shared memory"}


of_each_kind = pytest.mark.parametrize(
    "kind",
    [pytest.param(Kind.BUBBLEWRAP, marks=pytest.mark.needs("bwrap")), Kind.NAMESPACES],
    ids=str,
)


def asked(kind: Kind, place: Path, *, python: Sequence[str] = (sys.executable,)) -> dict[str, Any]:
    """Return the answers of `tests.support.sandbox_questions` in a sandbox that `python` makes."""
    home, folder = place / "home", place / "home" / "folder"
    (home / "token").write_text("secret")
    abstract = f"titan-test-{secrets.token_hex(8)}"
    with socket.create_server(("127.0.0.1", 0)) as four, socket.socket(socket.AF_UNIX) as unix, ExitStack() as opened:
        unix.bind(f"\0{abstract}")
        unix.listen()
        port6 = 1
        with suppress(OSError):  # a machine may have no IPv6
            port6 = opened.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6)).getsockname()[1]
        facts = {
            "port": four.getsockname()[1],
            "port6": port6,
            "abstract": abstract,
            "token": str(home / "token"),
            "outside": str(home / "written"),
            "pid": os.getpid(),
            "secret": SECRET,
        }
        paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "sdk" / "src")])
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": paths, "TITAN_TOKEN": "".join(SECRET)}
        done = subprocess.run(
            [*python, str(QUESTIONS), kind.value, str(folder), json.dumps(facts)],
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert not (home / "written").exists()
    assert os.stat(folder / "own").st_uid == (found["user"] if os.geteuid() == 0 and len(python) == 1 else NOBODY_ID)
    return found


def expected(user: int) -> dict[str, Any]:
    return {
        "settings of the kernel that it opens for writing": [],
        "devices": ["full", "null", "random", "urandom", "zero"],
        "processes of others": [],
        "processes of root": [],
        "capabilities and privileges to gain": ["0" * 16, "0" * 16, "1"],
        "limits of processes and core files": [4096, 1],
        "environment": ["KNOWN", "PATH"],
        "user": user,
    }


def check(found: Mapping[str, Any], *, user: int) -> None:
    able = {question for question, answer in found.items() if answer is True}
    assert able == ALLOWED
    assert {question: answer for question, answer in found.items() if not isinstance(answer, bool)} == expected(user)


@of_each_kind
def test_a_program_may_do_the_same_in_every_sandbox(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / "home" / "folder").mkdir(parents=True)

    found = asked(kind, tmp_path)

    check(found, user=found["user"] if os.geteuid() == 0 else 1000)
    assert found["user"] >= 1000
    assert not [entry for entry in pwd.getpwall() if entry.pw_uid == found["user"] and os.geteuid() == 0]


@pytest.mark.needs(NEED)
@of_each_kind
def test_a_program_of_a_worker_that_is_not_root_may_do_no_more(kind: Kind) -> None:
    with tempfile.TemporaryDirectory(prefix="titan-test-") as name:
        (folder := Path(name, "home", "folder")).mkdir(parents=True)
        for each in (Path(name), folder.parent, folder):
            os.chown(each, NOBODY_ID, NOBODY_ID)

        found = asked(kind, Path(name), python=[*AS_NOBODY, str(python_of_everybody())])

    check(found, user=1000)


@pytest.mark.needs(NEED)
@of_each_kind
def test_programs_of_a_root_worker_are_of_users_of_their_own(kind: Kind, tmp_path: Path) -> None:
    sandbox = Sandbox(kind=kind, program="bwrap")
    users = set()
    for place in range(3):
        (folder := tmp_path / str(place)).mkdir()
        (folder / "link").symlink_to(tmp_path)
        command = sandbox.command(["id", "-u"], folder=folder, writable=folder, environment={"PATH": "/usr/bin:/bin"})
        users.add(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)

    assert len(users) == 3
    assert tmp_path.stat().st_uid == 0


def test_a_homes_folder_is_hidden_also_where_a_folder_of_packages_is_above_it(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "home" / "folder"
    folder.mkdir(parents=True)
    tmp_path.chmod(0o755)  # else no program but root's finds packages there
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

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


def test_this_machine_has_one() -> None:
    assert find_sandbox().kind in (Kind.BUBBLEWRAP, Kind.NAMESPACES)
