"""Every example that `titan … --help` shows is typed into a shell, and does what it says it does: ends well."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
import typer

from tests.support.certificates import a_certificate
from tests.support.example_world import PAPERS, RUN, ExampleWorld
from tests.support.forked import titan_in_shells
from tests.support.postgres import a_database
from tests.support.running_titan import running_titan
from titan.cli.app import app

END_WITHIN_SECONDS: Final = 60

#: What is done with one recorded run.
OF_ONE_RUN: Final = ("delete", "edit", "note")
#: The beginning of an example → what must be so before it is typed; the first that fits counts.
BEFORE: Final[tuple[tuple[str, Callable[[ExampleWorld], object]], ...]] = (
    ("titan approve", ExampleWorld.draft),
    ("titan reject", ExampleWorld.draft),
    (f"titan cancel --run {RUN}", lambda world: world.research()),
    ("titan cancel", lambda world: world.nightly(requirement="NOBODY", ends=False)),
    (f"titan retry {RUN}", lambda world: world.research(is_broken=True)),
    ("titan retry", lambda world: world.nightly(train="broken.py")),
    ("titan rerun", ExampleWorld.nightly),
    ("titan runs resume WEATHER", ExampleWorld.weather),
    ("titan runs resume", lambda world: world.research(is_broken=True)),
    (f"titan runs edit {PAPERS} --end", lambda world: world.papers(ends=False)),
    *((f"titan runs {verb} {PAPERS}", ExampleWorld.papers) for verb in OF_ONE_RUN),
    ("titan run --world", ExampleWorld.orders),
    ("titan eval examples", ExampleWorld.worlds),
    ("titan eval", ExampleWorld.evaluated),
    ("titan tasks", ExampleWorld.tasks),
    ("titan apply", ExampleWorld.suite),
    ("titan import tau2", ExampleWorld.tau2),
    ("titan replay", ExampleWorld.weather),
    ("titan fork", ExampleWorld.weather),
    ("titan determinism", ExampleWorld.weather),
    ("titan runs compare", ExampleWorld.twin),
    ("titan runs import ~", ExampleWorld.left_behind),
    ("titan runs import --partial", ExampleWorld.cut_export),
    ("titan runs import week", ExampleWorld.export),
    ("titan runs import - < week", ExampleWorld.export),
    ("titan workers drain", lambda world: world.gpu_box()),
)
#: The commands that only look, which come before those that change what they look at.
LOOKING: Final = (
    "dags",
    "doctor",
    "files",
    "gates",
    "jobs",
    "logs",
    "run",
    "runs",
    "store get",
    "store list",
    "tokens",
    "workers",
)
#: Commands that go on until Ctrl-C, which they name when they are up.
FOREVER: Final = ("titan up", "titan workers join")


def examples() -> list[str]:
    """Return every example of every command's help, as it is typed."""
    groups = [typer.main.get_command(app)]
    lines: list[str] = []
    while groups:
        group = groups.pop()
        lines += (group.epilog or "").splitlines()
        groups += getattr(group, "commands", {}).values()
    typed = {line.strip() for line in lines if line.startswith("  titan ")}
    return sorted(typed, key=lambda line: (not re.match(rf"titan ({'|'.join(LOOKING)})( |$)", line), line))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleWorld]:
    """What the examples speak of, as it is after a good night."""
    folder = tmp_path_factory.mktemp("examples")
    with running_titan(folder / "home", offers=("GENERAL:4", "GPU:1")) as titan:
        programs = folder / "bin"
        programs.mkdir()
        shell, descriptor = titan_in_shells(programs)
        world = ExampleWorld(titan, folder, shell, (descriptor,))
        world.write_scripts()
        world.put_values()
        world.nightly()
        world.research()
        yield world


@pytest.mark.needs("jq", "openssl")
@pytest.mark.parametrize("example", [line for line in examples() if not line.startswith(FOREVER)])
def test_an_example_of_help_ends_well(world: ExampleWorld, tmp_path: Path, example: str) -> None:
    for beginning, prepare in BEFORE:
        if example.startswith(beginning):
            prepare(world)
            break

    with at_hand(world, tmp_path, example) as (command, more):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=world.folder,
            env={**world.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=END_WITHIN_SECONDS,
            pass_fds=world.inherited,
        )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("example", [line for line in examples() if line.startswith(FOREVER)])
def test_an_example_that_runs_until_ctrl_c_starts_and_ends(world: ExampleWorld, tmp_path: Path, example: str) -> None:
    with at_hand(world, tmp_path, example) as (command, more):
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=tmp_path,
            env={**world.environment, "TITAN_HOME": str(tmp_path / "home"), **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            pass_fds=world.inherited,
        )
        said = ""
        for line in process.stdout or ():
            said += line
            if "Ctrl-C" in line:
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=END_WITHIN_SECONDS)

    assert process.returncode in (0, 130), said + rest


@contextlib.contextmanager
def at_hand(world: ExampleWorld, folder: Path, example: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the example with this test's addresses, ports and ids in it, and more of its environment."""
    url = f"http://127.0.0.1:{world.titan.sdk_port}"
    with contextlib.ExitStack() as opened:
        more: dict[str, str] = {}
        command = example.replace("http://127.0.0.1:5000", url).replace("http://127.0.0.1:5001", url)
        command = command.replace("/mnt/backups", str(folder)).replace("./copy", str(folder / "copy"))
        if "0123456789ab" in command:
            command = command.replace("0123456789ab", new_token(world))
        if command.startswith("titan up"):
            command = re.sub(r"--(sdk-)?port \d+|\s#.*", "", command) + " --port 0 --sdk-port 0"
        if "cert.pem" in command:
            certificate = a_certificate(folder, host="IP:127.0.0.1")
            command = command.replace("cert.pem", str(certificate.file)).replace("key.pem", str(certificate.key))
            world.type(f"TITAN_HOST= titan tokens create x --home {folder / 'home'}")
        if "gemini" in command:
            more = {"GEMINI_API_KEY": "asked for nothing here"}
        if "postgres://" in command:
            command = re.sub(r"postgres://\S+", opened.enter_context(a_database(is_empty=True)), command)
        if "https://titan.example.org" in command:
            command, more = opened.enter_context(over_tls(folder, command))
        if command.startswith("titan restore"):
            more = {"TITAN_HOME": str(folder / "restored")}
            command = command.replace(" titan-2026-03-01", f" {a_backup(world, folder / 'b')}")
            command = command.replace("backup.tar.gz", str(a_backup(world, folder / "b.tar.gz")))
        yield command, more


@contextlib.contextmanager
def over_tls(folder: Path, command: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield a worker's command for a server that speaks TLS, and what it needs to be let in."""
    certificate = a_certificate(folder, host="IP:127.0.0.1")
    options = ("--require-token", "--tls-cert", str(certificate.file), "--tls-key", str(certificate.key))
    with running_titan(folder / "far", offers=(), options=options) as far:
        more = {"TITAN_TOKEN": far.home_token, "TITAN_CA_FILE": str(certificate.file)}
        address = f"https://127.0.0.1:{far.sdk_port}"
        yield command.replace("https://titan.example.org:5000", address), more


def new_token(world: ExampleWorld) -> str:
    """Return the id of a token that may be revoked."""
    return world.type("titan tokens create spare --json | jq -r .token_id").strip()


def a_backup(world: ExampleWorld, target: Path) -> Path:
    """Take a backup of the world's home, and return where it lies."""
    if not os.path.lexists(target):
        world.type(f"titan backup {target}")
    return target
