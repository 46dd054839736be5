"""Databases of a home that are damaged or gone: doctor and the next start say so, and none is made in their place."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.forked import run_forked
from tests.support.raw_http import ask, ask_json
from tests.support.running_titan import running_titan
from tests.support.sources import PACKAGES
from tests.support.tampering import change_calls

ACTIONS: Final = 300
STARTED_NS: Final = 1_772_366_400_000_000_000


def titan(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run one command on a home."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
    settings = {**inherited, "PYTHONPATH": PACKAGES, "TITAN_MODEL": "none"}
    return run_forked(*words, "--home", str(home), env=settings, cwd=home.parent)


def start(home: Path) -> subprocess.CompletedProcess[str]:
    return titan("up", "--no-worker", "--port", "0", "--sdk-port", "0", home=home)


def broken(home: Path) -> dict[str, str]:
    """Return what `titan doctor` says is broken: its words by check."""
    findings = json.loads(titan("doctor", "--json", home=home).stdout)["findings"]
    return {each["check"]: each["text"] + each["next_step"] for each in findings if each["level"] == "fail"}


def record(port: int, run_id: str) -> None:
    """Record a run whose actions say different things."""
    entries = [
        {
            "type": "action",
            "id": f"a{number}",
            "name": f"tool-{number}",
            "started_at_ns": STARTED_NS + number,
            "ended_at_ns": STARTED_NS + number + 5,
            "outputs": " ".join(f"{number * place:x}" for place in range(200)),
        }
        for number in range(ACTIONS)
    ]
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run_id, "entries": entries})
    assert answer.status == 200, answer.body


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which a run was recorded, and in which nobody is."""
    home = tmp_path_factory.mktemp("used") / "home"
    with running_titan(home, offers=()) as running:
        record(running.sdk_port, "R_1")
    return home


@pytest.fixture
def home(used: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(used, tmp_path / "home"))


def zero_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(100))


def flip_200_bytes(path: Path) -> None:
    flips, content = random.Random(16), bytearray(path.read_bytes())
    for _ in range(200):
        content[flips.randrange(100, len(content))] ^= flips.randrange(1, 256)
    path.write_bytes(content)


def cut_off_the_second_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("harm", [zero_the_header, flip_200_bytes, cut_off_the_second_half, remove, empty])
@pytest.mark.parametrize(("name", "check"), [("calls.db", "calls"), ("control.db", "database")])
def test_a_database_that_is_harmed_or_gone_is_named_and_left_as_it_is(
    home: Path, name: str, check: str, harm: Callable[[Path], None]
) -> None:
    harm(home / name)
    before = (home / name).read_bytes() if (home / name).exists() else None

    found, refused = broken(home), start(home)

    assert list(found) == [check]
    assert f"store {home / name}" in found[check]
    assert "titan restore" in found[check]
    assert refused.returncode == 5
    assert f"store {home / name}: expected" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert ((home / name).read_bytes() if (home / name).exists() else None) == before


def test_recorded_runs_that_are_gone_begin_anew_only_where_somebody_says_so(home: Path) -> None:
    (home / "calls.db").unlink()
    assert start(home).returncode == 5

    (home / "calls.db.new").touch()

    with running_titan(home, offers=()) as running:
        record(running.sdk_port, "R_2")
        assert ask(running.sdk_port, "GET", "/api/v1/runs/R_1").status == 404
    assert not (home / "calls.db.new").exists()
    assert broken(home) == {}


def test_doctor_reports_a_recorded_runs_database_deleted_while_the_server_runs(home: Path) -> None:
    with running_titan(home, offers=()):
        assert broken(home) == {}
        (home / "calls.db").unlink()

        assert "expected the database that was made there; found no file" in broken(home)["calls"]


@pytest.mark.parametrize(
    "damage",
    [
        "pragma ignore_check_constraints = on; update actions set outcome = 'succ0ss' where id = 'a7'",
        "update actions set name = cast(x'ff41' as text) where id = 'a7'",
        "update actions set started_at_us = 9223372036854775807 where id = 'a7'",
        "update actions set tags = '[' where id = 'a7'",
    ],
)
def test_a_damaged_row_is_answered_as_damage_of_the_store_and_not_as_a_mistake(home: Path, damage: str) -> None:
    answers: list[Any] = []
    with running_titan(home, offers=()) as running:
        record(running.sdk_port, "R_2")
        change_calls(home, damage.replace("id = 'a7'", "id = 'a7' and run_no = 1"))

        answers += [ask(running.sdk_port, "GET", "/api/v1/runs/R_1/skeleton") for _ in range(20)]
        sound = ask(running.sdk_port, "GET", "/api/v1/runs/R_2/skeleton")

    assert {answer.refusal for answer in answers} == {(500, "StoreDamaged")}
    assert "restore a backup" in answers[0].message
    assert len(sound.value["id"]) == ACTIONS
