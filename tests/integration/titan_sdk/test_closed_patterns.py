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


def test_without_re2_own_patterns_keep_all_bodies_at_home_and_the_built_in_ones_hold(tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").write_text("customer = 'CUST-[0-9]{6}'")
    key = "sk-ant-" + "a1" * 20
    (tmp_path / "agent.py").write_text(
        "import sys\nsys.modules['re2'] = None  # as where google-re2 is not installed\n"
        + PRIVATE.replace("for CUST-100001", f"for {key}")
    )
    env = {"TITAN_REDACT_PATTERNS": str(tmp_path / "secrets.toml")}

    with fake_titan() as fake:
        done = run_program(tmp_path / "agent.py", cwd=tmp_path, env={**env, "TITAN_PORT": str(fake.port)})

    told = json.dumps(fake.facts.entries)
    assert "MINE" not in told
    assert "for [redacted:anthropic_key]" in told
    assert "'customer': no RE2, which own patterns need; install it with: pip install google-re2" in done.stderr
    assert "names, tags and ids are recorded without that pattern" in done.stderr


def test_without_re2_a_pattern_of_an_action_is_refused_with_its_place_and_its_fields_are_redacted(
    tmp_path: Path,
) -> None:
    (tmp_path / "agent.py").write_text(
        "import sys\nsys.modules['re2'] = None\nfrom titan_sdk import Redact, action\n"
        "@action(redact=Redact(fields=['iban']))\ndef pay(bank): pass\n"
        "pay({'iban': 'AT61'})\n"
        "Redact(patterns={'order': 'ORD-[0-9]+'})\n"
    )

    with fake_titan() as fake:
        env = {"TITAN_PORT": str(fake.port), "TITAN_RECORD_CODE": "0"}
        done = run_program(tmp_path / "agent.py", cwd=tmp_path, env=env)

    assert '"[redacted:iban]"' in json.dumps(fake.facts.entries)
    assert "AT61" not in json.dumps(fake.facts.entries)
    assert "ValueError: patterns['order']" in done.stderr
    assert "pip install google-re2" in done.stderr
