"""`titan runs compare`: two recorded runs at the command line."""

from __future__ import annotations

from itertools import count

from tests.integration.cli.test_recorded_runs import a_run, an_action, record
from tests.support.command_line import CommandLine
from tests.support.running_titan import RunningTitan

_numbers = count(1)


def recorded(server: RunningTitan, *, made: str, end: str | None = "completed") -> str:
    run = f"compared-{next(_numbers)}"
    calls = (
        an_action("c1", "call_llm", kind="model", inputs={"prompt": "Hello"}, outputs="Hi there!"),
        an_action("c2", "generate_id", after=1, inputs={}, outputs=made),
    )
    record(server.sdk_port, run, a_run(run, agent_id="COMPARED", end=end), *calls)
    return run


def test_runs_that_diverge_exit_with_1_and_show_the_seeds_table(titan: CommandLine, server: RunningTitan) -> None:
    run, other = recorded(server, made="uuid-123"), recorded(server, made="uuid-456")

    done = titan("runs", "compare", run, other)

    assert done.exit_code == 1
    assert done.lines[0].startswith("50 % of 2 calls match  original ")
    assert done.lines[1] == "Verdict: diverged at generate_id (output_mismatch)"
    assert done.lines[2] == "1. output_mismatch generate_id at $ (root)"
    assert [line.split() for line in done.lines[4:]] == [
        ["call_llm", "input:", '"Hello"', "input:", '"Hello"', "✅", "Match"],
        ["call_llm", "output:", '"Hi', 'there!"', "output:", '"Hi', 'there!"', "✅", "Match"],
        ["generate_id", "output:", '"uuid-123"', "output:", '"uuid-456"', "❌", "Diverged"],
    ]


def test_runs_that_match_exit_with_0_and_json_has_all_of_it(titan: CommandLine, server: RunningTitan) -> None:
    run, other = recorded(server, made="uuid-123"), recorded(server, made="uuid-123")

    done = titan("runs", "compare", run, other, "--json")

    assert done.exit_code == 0
    metrics = done.document["metrics"]
    assert isinstance(metrics, dict)
    assert (metrics["match_rate"], metrics["calls"], metrics["divergences"]) == (1.0, 2, 0)


def test_an_unknown_or_active_run_is_not_compared(titan: CommandLine, server: RunningTitan) -> None:
    run, running = recorded(server, made="x"), recorded(server, made="x", end=None)

    assert titan("runs", "compare", run, "nobody").exit_code == 3
    assert titan("runs", "compare", run, running).exit_code == 5
