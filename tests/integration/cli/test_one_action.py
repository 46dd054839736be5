"""One action of a recorded run at the command line: what it was given and gave, and why it failed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.cli.test_recorded_runs import a_run, an_action, record
from tests.support.command_line import CommandLine
from tests.support.running_titan import RunningTitan

RUN = "shown-1"
TRACEBACK = 'Traceback (most recent call last):\n  File "agent.py", line 3, in search\nTimeoutError: too slow'


@pytest.fixture(scope="module")
def shown(server: RunningTitan) -> str:
    record(
        server.sdk_port,
        RUN,
        a_run(RUN, agent_id="SHOWN"),
        an_action("s1", "plan", kind="agent"),
        an_action("s2", "ask", kind="model", parent_id="s1", after=1, cost_usd="0.25",
                  impact="low", effect="external", tags=["web"], inputs={"args": ["Why?"], "kwargs": {"top": 1}},
                  outputs={"answer": "so\x1b[31m"},
                  use={"model": "gpt-4o", "provider": "openai", "input_tokens": 820, "output_tokens": 12,
                       "cache_read_tokens": 400, "cache_write_tokens": 50}),
        an_action("s3", "search", kind="tool", after=2, outcome="error",
                  failure={"type": "TimeoutError", "message": "too slow", "traceback": TRACEBACK}),
        an_action("s4", "WRITER", kind="handoff", after=3, outputs={"to": "WRITER", "reason": "the facts\nare there"}),
        an_action("s5", "READER", kind="handoff", after=4, outputs={"to": "READER"}),
        an_action("s6", "cache_warmed", kind="event", after=5, outputs={"entries": 12}),
        an_action("s7", "thinking", kind="thought", after=6, outputs="far too long " * 100),
        an_action("s8", "dump", kind="tool", after=7, outputs="x" * 100_000),
    )  # fmt: skip
    return RUN


def test_an_action_is_shown_with_inputs_and_outputs(titan: CommandLine, shown: str) -> None:
    head, facts, figures, *rest = titan("runs", "show", shown, "--action", "s2").lines

    assert head == "Action s2 of shown-1  success"
    assert facts.startswith("model ask · agent SHOWN · below s1 · started ")
    assert facts.endswith(" · took 1.0 s")
    assert figures == (
        "cost $0.25 · model gpt-4o of openai · 820 input tokens (400 of them from cache, 50 written to cache), "
        "12 output · impact low · effect external · tags web"
    )
    assert rest == [
        *("", "inputs:", "  {", '    "args": [', '      "Why?"', "    ],"),
        *('    "kwargs": {', '      "top": 1', "    }", "  }"),
        *("", "outputs:", "  {", '    "answer": "so\\u001b[31m"', "  }"),
    ]


def test_the_error_of_an_action_is_shown_with_its_traceback(titan: CommandLine, shown: str) -> None:
    done = titan("runs", "show", shown, "--action", "s3")

    assert done.lines[0] == "Action s3 of shown-1  error"
    assert done.lines[-4:] == ["error: TimeoutError: too slow", *(f"  {line}" for line in TRACEBACK.splitlines())]
    assert titan("runs", "show", shown, "--action", "s3", "--json").document["action"]["name"] == "search"  # type: ignore[index]


def test_a_large_output_is_cut_and_says_where_the_whole_is(titan: CommandLine, shown: str) -> None:
    last = titan("runs", "show", shown, "--action", "s8").lines[-1]

    assert last.endswith("of 97.7 KiB; the whole: GET /api/v1/runs/shown-1/actions/s8/outputs")


def test_an_action_that_is_none_is_said(titan: CommandLine, shown: str) -> None:
    done = titan("runs", "show", shown, "--action", "none")

    assert (done.exit_code, done.stdout) == (3, b"")
    assert "action 'none'" in done.stderr
    assert f"`titan runs show {shown} --ids` lists their ids; give the whole one." in " ".join(done.stderr.split())
    assert "/api/" not in done.stderr


def test_an_export_of_a_run_that_is_none_says_which_command_lists_them(titan: CommandLine, shown: str) -> None:
    far, near = (titan("runs", "export", "--run", run) for run in ("qqq-none", "shown-"))

    assert (far.exit_code, far.stdout, near.exit_code) == (3, b"", 3)
    assert "`titan runs` lists them." in far.stderr
    assert f"Did you mean {shown}?" in near.stderr
    assert "/api/" not in far.stderr + near.stderr


def test_the_tree_shows_ids_on_request_and_the_text_of_handoffs_events_and_thoughts(
    titan: CommandLine, shown: str
) -> None:
    lines = titan("runs", "show", shown, "--ids").lines
    tree = lines[lines.index("") + 1 :]

    assert tree[0].split()[:3] == ["ACTION", "ID", "OUTCOME"]
    assert [line.split("  ")[0] for line in tree[3:7]] == [
        *("search", "WRITER: the facts are there", "READER", 'cache_warmed: {"entries":12}')
    ]
    assert tree[7].startswith("thinking: far too long far too long ")
    assert "…  s7  success" in tree[7]
    assert "ID" not in titan("runs", "show", shown).lines[lines.index("") + 1].split()


# --- turns ---


@pytest.fixture(scope="module")
def talk(server: RunningTitan) -> str:
    asked = {"args": ["What is\nLoRA?"], "kwargs": {}}
    history = [{"role": "user", "content": f"{place} {'word ' * 50}"} for place in range(9)]
    record(
        server.sdk_port,
        "talk-1",
        a_run("talk-1", agent_id="TALKER"),
        an_action("t2", "turn 2", kind="turn", after=2, inputs=asked, outcome="error",
                  failure={"type": "TimeoutError", "message": "too slow"}),
        an_action("t1", "turn 1", kind="turn", inputs=asked, outputs="A way to train\x1b[31m few weights. " * 20),
        an_action("m1", "chat", kind="model", parent_id="t1", inputs={"messages": history}, outputs="never shown"),
        an_action("t3", "turn 3", kind="turn", after=4),
    )  # fmt: skip
    return "talk-1"


def test_turns_are_shown_with_question_and_answer(titan: CommandLine, talk: str) -> None:
    lines = titan("runs", "show", talk, "--turns").lines

    head, shown = lines[: lines.index("")], lines[lines.index("") + 1 :]
    assert head[0] == f"Run {talk}  completed"
    assert [line.split("  ")[0] for line in shown if not line.startswith(" ")] == ["turn 1", "turn 2", "turn 3"]
    assert shown[1] == "  asked     What is LoRA?"
    assert shown[2].startswith("  answered  A way to train\\x1b[31m few weights.")
    assert shown[2].endswith("…")
    assert (shown[3].split()[2], shown[5]) == ("error", "  failed    TimeoutError: too slow")
    assert "never shown" not in "".join(lines)


def test_of_a_run_without_turns_the_calls_of_models_are_shown(titan: CommandLine, shown: str) -> None:
    lines = titan("runs", "show", shown, "--turns").lines

    assert lines[lines.index("") + 1 :][0] == "No turns were recorded; 1 model call:"
    assert lines[-1] == '  answered  {"answer": "so\\u001b[31m"}'


def test_turns_are_given_as_json_and_apart_from_the_tree(titan: CommandLine, talk: str) -> None:
    document = titan("runs", "show", talk, "--turns", "--json").document
    refused = titan("runs", "show", talk, "--turns", "--action", "t1")

    turns: Any = document["turns"]
    assert turns[1] == {
        "id": "t2",
        "name": "turn 2",
        "asked": "What is LoRA?",
        "answered": None,
        "error": "TimeoutError: too slow",
    }
    assert "turns" not in titan("runs", "show", talk, "--json").document
    assert refused.exit_code == 2
    assert "option --turns: expected it alone: it shows no tree; found it with --action" in refused.stderr


def test_all_of_a_long_run_is_shown(server: RunningTitan, titan: CommandLine) -> None:
    asked, thought = (
        [(f"{kind}{number}", kind, number / 1000) for number in range(1001)] for kind in ("model", "thought")
    )
    entries = [an_action(id, id, kind=kind, after=after, outputs=f"of {id}") for id, kind, after in asked + thought]
    record(server.sdk_port, "long-1", a_run("long-1", agent_id="LONG"), *entries)

    told = titan("runs", "show", "long-1", "--turns").lines
    turns: Any = titan("runs", "show", "long-1", "--turns", "--json").document["turns"]
    tree = titan("runs", "show", "long-1").lines

    assert told[told.index("") + 1] == "No turns were recorded; 1,001 model calls:"
    assert told[-1] == "  answered  of model1000"
    assert [turn["answered"] for turn in turns] == [f"of {id}" for id, _, _ in asked]
    assert tree[-1].startswith("thought1000: of thought1000")


def test_a_run_of_neither_says_so(server: RunningTitan, titan: CommandLine) -> None:
    record(server.sdk_port, "tools-1", a_run("tools-1", agent_id="TOOLS"), an_action("x", "search", kind="tool"))

    assert titan("runs", "show", "tools-1", "--turns").lines[-1] == "No turns and no model calls were recorded."
