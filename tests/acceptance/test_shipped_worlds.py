"""The worlds in examples/worlds: the reference passes every task, and each faulty agent fails by its own mistake."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.sources import PACKAGES, ROOT

PRIVATE_NETWORK = [sys.executable, str(ROOT / "tests/support/private_network.py")]
WORLDS = ROOT / "examples" / "worlds"
MISTAKES = {
    "shop": {
        "ignores-policy": "policy_violation",
        "gives-up": "failed_recovery",
        "pays-twice": "extra_action",
        "claims-success": "hallucinated_result",
        "takes-the-first": "wrong_action",
    },
    "travel": {
        "ignores-policy": "policy_violation",
        "gives-up": "failed_recovery",
        "books-twice": "extra_action",
        "claims-success": "hallucinated_result",
        "counts-one-passenger": "wrong_action",
    },
    "telecom": {
        "ignores-policy": "policy_violation",
        "gives-up": "failed_recovery",
        "adds-data": "extra_action",
        "claims-success": "hallucinated_result",
        "skips-restart": "wrong_action",
    },
}
TASKS = {"shop": 50, "travel": 30, "telecom": 37}
FAILED = {  # all the tasks in which a mistake shows
    ("telecom", "ignores-policy"): {
        "contract-has-ended",
        "data-to-be-safe",
        "data-used-up-and-not-paid",
        "line-of-somebody-else",
        "overdue-bill-not-paid",
        "pay-a-disputed-bill",
        "too-much-data",
    },
    ("telecom", "gives-up"): {
        "airplane-mode-shaky",
        "data-without-an-answer",
        "everything-shaky",
        "payment-without-an-answer",
        "unreadable-phone",
    },
    ("telecom", "skips-restart"): {
        "broken-access-point",
        "data-switched-off",
        "no-pictures",
        "overdue-bill",
        "suspended-by-wish",
        "unreadable-phone",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MISTAKES)
def test_the_reference_passes_and_the_faulty_agents_fail_by_their_mistake(name: str, tmp_path: Path) -> None:
    """Typed on a machine where no Titan runs: one is started for the time, and stopped."""
    done = _evaluated(WORLDS / name, tmp_path)

    fields = {field["field"]: field for field in done["fields"]}
    assert fields.keys() == {"reference", *MISTAKES[name]}
    assert {field["graded"] for field in fields.values()} == {TASKS[name]}
    assert (fields["reference"]["passed"], fields["reference"]["pass_rate"]) == (TASKS[name], 1.0)
    for agent, mistake in MISTAKES[name].items():
        modes = Counter(fields[agent]["failure_modes"])
        assert modes.most_common(1)[0][0] == mistake, (agent, modes)
        if (name, agent) in FAILED:
            failed = {
                run["task_id"] for run in done["agent_runs"] if run["field"] == agent and run["verdict"] == "FAIL"
            }
            assert failed == FAILED[name, agent]
    assert {run["violations"] for run in done["agent_runs"]} == {0}


def _evaluated(suite: Path, folder: Path) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
    done = subprocess.run(
        [*PRIVATE_NETWORK, "new", "--", sys.executable, "-m", "titan.cli", "eval", str(suite), "--json"],
        env={**environment, "TITAN_HOME": str(folder / "home"), "TITAN_MODEL": "none", "PYTHONPATH": PACKAGES},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Starting a temporary one" in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
