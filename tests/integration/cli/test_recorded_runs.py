"""Recorded runs at the command line: listed, shown as a tree, exported, imported again."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import PROGRAM, CommandLine, run_titan
from tests.support.ports import held_ports
from tests.support.raw_http import ask
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.telemetry import a_request, a_span
from tests.support.terminal import on_a_terminal
from tests.support.token_holder import Holder
from titan_sdk.http.transport import Transport

RUN, LATER = "papers-1a9ac3", "papers-2b7bd4"
SECOND = 10**9


def an_action(id: str, name: str, *, outcome: str | None = "success", **fields: Any) -> dict[str, Any]:
    """Return an entry of a run of a minute ago."""
    began = time.time_ns() - 60 * SECOND + int(fields.pop("after", 0) * SECOND)
    ended = {} if outcome is None else {"ended_at_ns": began + SECOND, "duration_ns": SECOND, "outcome": outcome}
    return {"type": "action", "id": id, "name": name, "started_at_ns": began, **ended, **fields}


def a_run(run_id: str, *, agent_id: str, end: str | None = "completed", **fields: Any) -> dict[str, Any]:
    told = {"type": "run", "run_id": run_id, "agent_id": agent_id, "at_ns": time.time_ns(), **fields}
    return told if end is None else {**told, "end": end}


def record(port: int, run_id: str, *entries: dict[str, Any]) -> None:
    transport = Transport("127.0.0.1", port)
    body = {"entries": [{"run_id": run_id, **entry} for entry in entries]}
    transport.request_json("POST", "/api/v1/actions", body=body)


@pytest.fixture(scope="module")
def papers(server: RunningTitan) -> str:
    """Two runs of the agent PAPERS: one with a tree of calls, one that failed at little cost."""
    record(
        server.sdk_port,
        RUN,
        a_run(RUN, agent_id="PAPERS", name="LoRA, briefly", tags=["demo"]),
        an_action("p1", "plan", kind="agent"),
        an_action("p2", "ask", kind="model", parent_id="p1", after=1, cost_usd="0.25", use={"model": "gpt-4o"}),
        an_action("p3", "search", kind="tool", parent_id="p1", after=2, outcome="error", cost_usd="0.004",
                  failure={"type": "TimeoutError", "message": "too slow"}),
        an_action("p4", "send", kind="tool", after=3, outcome="blocked", cost_usd="1.5"),
        an_action("p5", "odd\x1b[31m name", kind="tool", after=4),
    )  # fmt: skip
    record(
        server.sdk_port,
        LATER,
        a_run(LATER, agent_id="PAPERS", end="failed", reason="ValueError: nope"),
        an_action("q1", "search", kind="tool", after=5, cost_usd="0.01"),
    )
    return RUN


@pytest.fixture
def closed_port() -> Iterator[int]:
    with held_ports(1) as [port]:
        yield port


def ids(titan: CommandLine, *words: str) -> list[str]:
    found = titan("runs", "--agent", "PAPERS", *words, "--json").document["data"]
    assert isinstance(found, list)
    return [run["run_id"] for run in found]


def test_runs_are_listed_with_cost_and_reason_of_failure(titan: CommandLine, papers: str) -> None:
    head, later, first = titan("runs", "--agent", "PAPERS").lines

    columns = ["RUN", "STATUS", "ACTIONS", "COST", "SUCCESS", "SCORE", "STARTED", "TOOK", "AGENT", "NAME", "WHY"]
    assert head.split() == columns
    assert later.split()[:5] == [LATER, "failed", "1", "$0.01", "100%"]
    assert first.split()[:5] == [papers, "completed", "4", "$0.25", "50%"]
    assert later.split()[-4:] == ["PAPERS", "-", "ValueError:", "nope"]
    assert first.endswith("LoRA, briefly  -"), "it completed: it got over the error of its search"


def test_a_run_is_found_shown_and_exported_by_the_name_of_its_root_span(
    server: RunningTitan, titan: CommandLine
) -> None:
    trace_id = os.urandom(16).hex()
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "code-reviewer"}
    span = a_span(attributes, name="review pull request #482", trace_id=trace_id)
    headers = {"Content-Type": "application/x-protobuf"}
    assert ask(server.sdk_port, "POST", "/v1/traces", a_request(span).SerializeToString(), headers).status == 200

    found = ask(server.sdk_port, "GET", "/api/v1/runs?q=482&window=all").value["data"]
    _, listed = titan("runs", "--search", "482", "--since", "all").lines
    as_json = titan("runs", "--search", "482", "--since", "all", "--json").text
    shown = titan("runs", "show", trace_id).lines[1]
    exported = json.loads(titan("runs", "export", "--search", "482", "--since", "all").lines[0])

    assert [(run["run_id"], run["agent_id"]) for run in found] == [(trace_id, "code-reviewer")]
    assert "  code-reviewer  review pull request #482  " in listed
    assert '"name": "review pull request #482"' in as_json
    assert shown.startswith("agent code-reviewer · ")
    assert shown.endswith(" · review pull request #482")
    assert (exported["run_id"], exported["name"]) == (trace_id, "review pull request #482")


def test_a_run_called_as_its_agent_says_the_name_once(server: RunningTitan, titan: CommandLine) -> None:
    record(server.sdk_port, "echo-1", a_run("echo-1", agent_id="ECHO", name="ECHO"))

    assert titan("runs", "--agent", "ECHO").lines[1].split()[-3:] == ["ECHO", "-", "-"]
    assert titan("runs", "show", "echo-1").lines[1].count("ECHO") == 1


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], [LATER, RUN]),
        (["--status", "failed"], [LATER]),
        (["--status", "FAILED", "--status", "completed"], [LATER, RUN]),
        (["--min-cost", "$0.1"], [RUN]),
        (["--since", "24h", "--sort", "cost"], [RUN, LATER]),
        (["--since", "90m"], [LATER, RUN]),
        (["--since", "99999w"], [LATER, RUN]),
        (["--search", "LoRA"], [RUN]),
        (["--limit", "1"], [LATER]),
        (["--session", "none"], []),
        (["--tag", "demo"], [RUN]),
        (["--tag", "dem"], []),
    ],
)
def test_the_filters_of_the_page_narrow_the_list(
    titan: CommandLine, papers: str, words: list[str], found: list[str]
) -> None:
    assert ids(titan, *words) == found


def test_a_list_continues_over_the_servers_pages(server: RunningTitan, titan: CommandLine) -> None:
    for number in range(205):
        record(server.sdk_port, f"many-{number}", a_run(f"many-{number}", agent_id="MANY"))

    done = titan("runs", "--agent", "MANY", "--limit", "203")

    assert len({line.split()[0] for line in done.lines[1:]}) == 203


def test_a_filter_that_finds_nothing_says_where_there_would_be_something(titan: CommandLine, papers: str) -> None:
    first, second = titan("runs", "--agent", "PAPER").lines

    assert first == "No such runs."
    assert second.startswith("Agents of a similar name: PAPERS")  # other tests of this server have agents, too


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--min-cost", "lots"], "--min-cost 'lots': expected US dollars from 0; found 'lots'"),
        (["--min-cost", "-1"], "expected US dollars from 0"),
        (["--status", "lost"], "'lost' is not one of"),
        (
            ["--since", "3y"],
            "--since '3y': expected a number and m, h, d or w, as 90m, 24h, 7d or 2w; or all; found '3y'",
        ),
    ],
)
def test_a_filter_that_is_none_is_a_usage_error(titan: CommandLine, words: list[str], said: str) -> None:
    done = titan("runs", *words)

    assert (done.exit_code, done.stdout) == (2, b"")
    assert said in done.stderr


def test_options_before_a_command_below_are_refused(titan: CommandLine) -> None:
    done = run_titan("runs", "--status", "failed", "export")

    assert done.exit_code == 2
    assert "Put options after the verb: titan runs export" in done.stderr


def test_a_run_is_shown_with_its_figures_and_its_actions_as_a_tree(titan: CommandLine, papers: str) -> None:
    lines = titan("runs", "show", papers).lines

    assert lines[0] == f"Run {papers}  completed"
    assert lines[1].startswith("agent PAPERS · started ")
    assert lines[1].endswith("LoRA, briefly · tags demo")
    assert lines[2] == (
        "4 actions: 2 succeeded, 1 failed, 1 blocked · 50% success · cost $0.25 · $1.75 attempted · $1.50 prevented"
        " · - input tokens, - output"
    )
    table = lines[lines.index("") + 1 :]
    assert [line[:10].rstrip() for line in table] == ["ACTION", "plan", "  ask", "  search", "send", "odd\\x1b[31"]
    assert table[2].split()[1:5] == ["success", "$0.25", "1.0", "s"]
    assert table[3].split()[-1] == "TimeoutError"
    assert "$1.50 not spent" in table[4]


def test_a_run_says_how_many_entries_it_lost_and_its_replayed_actions_apart(
    titan: CommandLine, server: RunningTitan
) -> None:
    run, lost = "lossy-3c8ce5", {"kind": "event", "name": "titan.entries_lost", "outcome": "error"}
    record(
        server.sdk_port,
        run,
        an_action("a1", "pay"),
        an_action("a2", "pay", outcome="idempotent_replay", cost_usd="0.03"),
        an_action("l1", **lost, details={"attributes": {"count": 1200}}),
        an_action("l2", **lost, details={"attributes": {"count": 34}}),
    )

    shown, listed = titan("runs", "show", run), titan("runs", "--agent", "unknown", "--search", run)

    assert shown.lines[2].startswith(
        "1 action + 1 replayed: 1 succeeded · 1,234 entries of it lost · 100% success · cost $0 · $0.03 saved"
    )
    assert "first error" not in shown.text
    assert f"{run} (1,234 lost)" in listed.text
    assert " 1 + 1 replayed " in listed.text
    titan("runs", "delete", run, "--yes")


def test_a_run_as_json_has_each_action_with_its_depth(titan: CommandLine, papers: str) -> None:
    document = titan("runs", "show", papers, "--json").document

    run, actions = document["run"], document["actions"]
    assert isinstance(run, dict)
    assert isinstance(actions, list)
    assert run["tally"]["attempted_cost_usd"].rstrip("0") == "1.754"
    assert [(each["id"], each["depth"], each["parent_id"]) for each in actions[:3]] == [
        ("p1", 0, None),
        ("p2", 1, "p1"),
        ("p3", 1, "p1"),
    ]
    assert (actions[1]["model"], actions[2]["error_type"]) == ("gpt-4o", "TimeoutError")


def test_an_unknown_run_is_refused_with_suggestions(titan: CommandLine, papers: str) -> None:
    near, far = titan("runs", "show", "papers-1A"), titan("runs", "show", "nix")

    assert (near.exit_code, far.exit_code) == (3, 3)
    assert near.stderr.endswith(f"found no such name. Did you mean {RUN}?\n")
    assert far.stderr.endswith("`titan runs` lists them.\n")


def test_an_export_goes_to_stdout_or_into_a_file_and_can_be_imported_elsewhere(
    titan: CommandLine, papers: str, tmp_path: Path
) -> None:
    target = tmp_path / "papers.jsonl"

    piped = titan("runs", "export", "--agent", "PAPERS")
    written = titan("runs", "export", "--agent", "PAPERS", "--output", str(target))

    assert target.read_bytes() == piped.stdout
    assert written.stderr.startswith(f"Wrote {target} (2 runs, ")
    assert [path.name for path in tmp_path.iterdir()] == ["papers.jsonl"]
    with running_titan(tmp_path / "home", offers=()) as other:
        elsewhere = CommandLine(f"http://127.0.0.1:{other.sdk_port}")
        first, again = (elsewhere("runs", "import", str(target)) for _ in range(2))
        shown = elsewhere("runs", "show", papers, "--json").document["actions"]
    assert first.text.startswith("Imported 2 runs: ")
    assert "0 entries; " in again.text
    assert shown == titan("runs", "show", papers, "--json").document["actions"]


def test_an_export_is_of_the_form_that_its_name_says(titan: CommandLine, papers: str, tmp_path: Path) -> None:
    table, document = tmp_path / "papers.csv", tmp_path / "one.JSON"

    titan("runs", "export", "--agent", "PAPERS", "--output", str(table))
    titan("runs", "export", "--run", papers, "-o", str(document))

    assert len(list(csv.reader(io.StringIO(table.read_text())))) == 7
    assert [run["run_id"] for run in json.loads(document.read_bytes())["runs"]] == [papers]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("papers.xlsx", [], "papers.xlsx as jsonl, though its name ends in .xlsx ("),
        ("papers.json", ["--format", "csv"], "papers.json as csv, though its name ends in .json ("),
        ("papers.ndjson", [], "papers.ndjson ("),
        ("papers", ["--format", "csv"], "papers ("),
        ("papers.CSV", [], "papers.CSV ("),
    ],
)
def test_an_export_says_its_form_where_the_name_says_another(
    titan: CommandLine, papers: str, tmp_path: Path, name: str, options: list[str], said: str
) -> None:
    done = titan("runs", "export", "--run", papers, "--output", str(tmp_path / name), *options)

    assert done.exit_code == 0
    assert said in done.stderr


def test_an_export_overwrites_nothing_unasked(titan: CommandLine, papers: str, tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text("mine")

    refused = titan("runs", "export", "-o", str(tmp_path / "old.jsonl"))
    nowhere = titan("runs", "export", "-o", str(tmp_path / "no" / "folder.jsonl"))
    kept = (tmp_path / "old.jsonl").read_text()
    forced = titan("runs", "export", "-o", str(tmp_path / "old.jsonl"), "--force")

    assert (refused.exit_code, nowhere.exit_code, forced.exit_code, kept) == (2, 2, 0, "mine")
    assert "overwrite it with --force" in refused.stderr
    assert "expected a place that can be written; found No such file or directory" in nowhere.stderr


def test_an_export_into_head_ends_quietly(titan: CommandLine, papers: str) -> None:
    command = [*PROGRAM, "runs", "export", "--server", titan.server]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stderr is not None
    with program.stdout as output, program.stderr as errors:
        output.read(1)
        output.close()
        said = errors.read()

    assert program.wait(60) in (0, 141)  # what is shorter than a pipe has gone before it closes
    assert said == b""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            '{"type":"run","run_id":"x"}\n',
            "line 1 of the import: expected a run, an action, a note or a manifest of an export",
        ),
        ('{"type":"run","run_id":"x"', "expected its last line, a manifest that counts the runs, actions and notes"),
        ("", "the end of the import: expected its last line"),
        ("run,agent\nx,y\n", "line 1 of the import"),
    ],
)
def test_an_import_of_an_invalid_export_names_the_line_and_stores_nothing(
    titan: CommandLine, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "bad.jsonl").write_text(content)

    done = titan("runs", "import", str(tmp_path / "bad.jsonl"))

    assert (done.exit_code, done.stdout) == (5, b"")
    assert said in done.stderr
    assert "nothing of it is kept." in done.stderr.lower()


def test_a_line_that_was_changed_is_named_by_its_number(titan: CommandLine, papers: str, tmp_path: Path) -> None:
    lines = titan("runs", "export", "--agent", "PAPERS").lines
    lines[2] = lines[2][:-1]
    (tmp_path / "cut.jsonl").write_text("\n".join(lines))

    done = titan("runs", "import", str(tmp_path / "cut.jsonl"), "--json")

    error = done.document["error"]
    assert isinstance(error, dict)
    assert (done.exit_code, error["subject"]) == (5, "line 3 of the import")


def test_the_rest_of_a_cut_off_file_is_imported_on_request(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl"
    with running_titan(tmp_path / "home", offers=()) as there:
        titan = CommandLine(f"http://127.0.0.1:{there.sdk_port}")
        record(there.sdk_port, "cut-1", a_run("cut-1", agent_id="CUT"), an_action("c1", "search"))
        cut.write_bytes(b"".join(titan("runs", "export").stdout.splitlines(keepends=True)[:-1]))
        titan("runs", "delete", "cut-1", "--yes")

        refused = titan("runs", "import", str(cut))
        before = titan("runs").stdout
        done = titan("runs", "import", "--partial", str(cut))

    assert (refused.exit_code, refused.stdout) == (5, b"")
    assert "found none after line 2. The file was cut off, and nothing of it is kept." in refused.stderr
    assert before.startswith(b"No runs yet")
    assert done.text.startswith("Imported 1 run: ")


def test_an_import_of_a_file_that_cannot_be_read_is_a_usage_error(titan: CommandLine, tmp_path: Path) -> None:
    done = titan("runs", "import", str(tmp_path / "nix.jsonl"))

    assert done.exit_code == 2
    assert "expected an export in JSON Lines, or a folder of recorded entries; found " in done.stderr


def test_an_import_reads_stdin(titan: CommandLine, papers: str) -> None:
    export = titan("runs", "export", "--run", papers).stdout

    command = [*PROGRAM, "runs", "import", "-", "--server", titan.server, "--json"]
    done = subprocess.run(command, input=export, capture_output=True, check=True, timeout=120)

    assert json.loads(done.stdout)["runs"] == 1


@pytest.mark.parametrize(
    "words", [["runs"], ["runs", "show", "x"], ["runs", "export"], ["runs", "export", "-o", "x.csv"]]
)
def test_an_unavailable_server_is_reported_and_no_file_is_left(
    closed_port: int, tmp_path: Path, words: list[str]
) -> None:
    words = [str(tmp_path / word) if word.endswith(".csv") else word for word in words]

    done = CommandLine(f"127.0.0.1:{closed_port}")(*words)

    assert (done.exit_code, done.stdout) == (4, b"")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_who_may_only_look_cannot_import(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), options=("--require-token",)) as guarded:
        viewer = Holder(guarded.sdk_port, guarded.home_token).make("viewer").token or ""
        (tmp_path / "empty.jsonl").write_text("")
        environment = {**os.environ, "TITAN_TOKEN": viewer}
        url = f"http://127.0.0.1:{guarded.sdk_port}"

        done = [
            subprocess.run(
                [*PROGRAM, *words, "--server", url],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            for words in (["runs"], ["runs", "export"], ["runs", "import", str(tmp_path / "empty.jsonl")])
        ]

    assert [each.returncode for each in done] == [0, 0, 5]
    assert "expected a role that may administer" in done[2].stderr


def test_ctrl_c_ends_an_import_that_waits_for_its_input(titan: CommandLine) -> None:
    command = [*PROGRAM, "runs", "import", "-", "--server", titan.server]
    with on_a_terminal(command) as program:
        program.read_until("Reading what is to be imported from stdin")
        program.interrupt()
        exit_code = program.finish()

    assert exit_code == 128 + signal.SIGINT
    assert "Traceback" not in program.text


def test_replayed_actions_are_counted_apart(server: RunningTitan, titan: CommandLine) -> None:
    record(
        server.sdk_port,
        "repeated-1",
        a_run("repeated-1", agent_id="REPEATED"),
        an_action("r1", "charge", kind="tool", cost_usd="0.5"),
        an_action("r2", "charge", kind="tool", after=1, outcome="idempotent_replay", cost_usd="0.5"),
    )

    assert titan("runs", "show", "repeated-1").lines[2].startswith("1 action + 1 replayed: 1 succeeded · 100% success")
    assert titan("runs", "--agent", "REPEATED").lines[1].split()[:3] == ["repeated-1", "completed", "1"]
