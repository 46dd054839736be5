"""A program whose own patterns cannot be read tells no bodies, and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.fake_titan import fake_titan
from tests.support.programs import run_program

PRIVATE = """
import titan_sdk
from titan_sdk import action
@action
def pay(whom): return whom
with titan_sdk.run("A", "A_1", name="for CUST-100001"):
    pay("MINE-1 " + "a" * 64)
    with titan_sdk.turn("about CUST-100002"):
        pass
with titan_sdk.run("A", "A_2"):
    raise ValueError("no MINE-2")
"""


@pytest.mark.parametrize("is_away", [False, True])
@pytest.mark.parametrize("broken", ["(MINE", "MINE(?=y)"])
def test_one_pattern_that_cannot_be_read_keeps_all_bodies_at_home_and_the_others_hold(
    tmp_path: Path, is_away: bool, broken: str
) -> None:
    (tmp_path / "secrets.toml").write_text(f"customer = 'CUST-[0-9]{{6}}'\nbroken = '{broken}'")
    (tmp_path / "agent.py").write_text(PRIVATE)
    env = {"TITAN_REDACT_PATTERNS": str(tmp_path / "secrets.toml"), "TITAN_HOME": str(tmp_path / "home")}

    with fake_titan() as fake:
        if is_away:
            fake.stop()
        done = run_program(tmp_path / "agent.py", cwd=tmp_path, env={**env, "TITAN_PORT": str(fake.port)})

    kept = [path.read_text() for path in (tmp_path / "home" / "spool").glob("*/*")]
    told = "".join([*kept, json.dumps(fake.facts.entries)])
    assert "MINE" not in told
    assert "CUST-1" not in told
    assert bool(kept) == is_away
    assert "for [redacted:customer]" in told
    assert '"about [redacted:customer]"' not in told  # what a turn is about is its input
    assert done.stderr.count("titan_sdk: TITAN_REDACT_PATTERNS=") == 1
    assert "'broken': " in done.stderr
