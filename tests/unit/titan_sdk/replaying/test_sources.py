"""Pinned sources give the same in each process; the others do not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from titan_sdk.replaying.sources import PINS, install

ASKS = {
    "clock": "[str(datetime.now()), time.time(), str(date.today()), str(datetime.now(timezone.utc))]",
    "uuid": "[str(uuid.uuid4()), str(uuid.uuid1())]",
    "random": "[random.random(), random.Random().random(), secrets.token_hex(4), random.SystemRandom().random()]",
    "environment": "[os.getpid(), tempfile.mktemp()]",
    "file_listing": "[os.listdir(folder), [p.name for p in pathlib.Path(folder).iterdir()], glob.glob(folder + '/*')]",
}
PROGRAM = """
import sys
from titan_sdk.replaying.sources import install
install(frozenset(filter(None, sys.argv[1].split(","))), seed=int(sys.argv[2]))
import glob, json, os, pathlib, random, secrets, tempfile, time, uuid
from datetime import date, datetime, timezone
folder = sys.argv[3]
print(json.dumps({asks}))
"""


def told(source: str, *, pins: str, seed: int, folder: Path) -> Any:
    program = PROGRAM.replace("{asks}", ASKS[source])
    command = [sys.executable, "-c", program, pins, str(seed), str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(8):
        (tmp_path / f"file{number}").touch()
    return tmp_path


@pytest.mark.parametrize("source", ASKS)
def test_a_pinned_source_gives_the_same_in_each_execution(source: str, folder: Path) -> None:
    assert told(source, pins=source, seed=1, folder=folder) == told(source, pins=source, seed=2, folder=folder)


@pytest.mark.parametrize("source", ASKS)
def test_an_unpinned_source_differs_though_all_others_are_pinned(source: str, folder: Path) -> None:
    others = ",".join(pin for pin in PINS if pin != source)

    one, other = (told(source, pins=others, seed=seed, folder=folder) for seed in (1, 2))

    # Of the clock the date is the same today.
    assert one[0] != other[0]


def test_a_pin_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pins: expected hash_seed, clock, .*; found moon"):
        install(frozenset({"moon"}), seed=0)


def test_a_pinned_clock_gives_values_of_the_types_that_programs_know() -> None:
    program = """
import pickle, copy
from titan_sdk.replaying.sources import install
import datetime as before
real = before.datetime
install(frozenset({"clock"}), seed=0)
from datetime import date, datetime, timedelta
assert type(datetime.now()) is type(datetime(2020, 1, 1)) is type(datetime.fromisoformat("2020-01-01")) is real
assert isinstance(real(2020, 1, 1), datetime) and isinstance(datetime.now(), date) and isinstance(date.today(), date)
assert datetime.now() - datetime.now() == timedelta(milliseconds=-1)
assert pickle.loads(pickle.dumps(datetime(2020, 1, 1))) == copy.deepcopy(datetime(2020, 1, 1)) == real(2020, 1, 1)
assert datetime.strptime("2020", "%Y") == datetime.combine(date(2020, 1, 1), datetime.min.time())
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=120)
