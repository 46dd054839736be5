"""Exports as people and their programs read them: a JSON document, and CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.support.builders import NOON
from titan.insight.bodies import Bodies
from titan.insight.export import HEADER, ExportedRun, csv_rows, json_document, json_lines, note_line
from titan.model.actions import ActionKind, Failure, Outcome, Payload
from titan.model.run_control import RunStatus, StatusSource
from titan.model.runs import COUNTS_ALL, Action, Count, Note, Run, Tally

RUN = Run(
    project_id="default",
    id="run-1",
    agent_id="ann",
    status=RunStatus.FAILED,
    status_source=StatusSource.INFERRED,
    started_at=NOON,
    last_event_at=NOON + timedelta(seconds=2),
    received_at=NOON,
    ended_at=NOON + timedelta(seconds=2),
    tally=Tally(calls=2, success=1, error=1, cost=Decimal("0.012"), prevented=Decimal("0.5")),
    tags=("nightly", "web"),
)
ACTION = Action(
    number=7,
    project_id="default",
    run_id="run-1",
    id="a1",
    kind=ActionKind.MODEL,
    name="chat",
    agent_id="ann",
    started_at=NOON,
    sources=("otlp:some.client",),
    count=COUNTS_ALL,
    ended_at=NOON + timedelta(milliseconds=3),
    duration_ns=2_500_000,
    outcome=Outcome.ERROR,
    cost=Decimal("0.000000000001"),
    parent_id="span-1",
)
MESSAGES = Payload('{"messages":{"$shared":0}}', ('{"role":"user","content":"hi"}', '{"role":"x","content":"é"}'))
NOTE = Note(
    id="n1",
    project_id="default",
    run_id="run-1",
    action_id=None,
    author="ann",
    at=NOON,
    name="quality",
    score=0.25,
    text="fair,\nnot more",
)
OF_ACTION = dataclasses.replace(NOTE, id="n2", action_id="a1", name=None, score=None, text="=ask()")
OF_SPAN = dataclasses.replace(NOTE, id="n3", action_id="span-1", text="")
BODIES = Bodies(inputs=MESSAGES, failure=Failure(type="ValueError", message="nope"))


def an_export(*actions: tuple[Action, Bodies], run: Run = RUN, notes: Sequence[Note] = ()) -> ExportedRun:
    return ExportedRun(run=run, actions=actions, ids={7: "a1"}, notes=notes)


def the_document(*runs: ExportedRun) -> object:
    pieces = json_document(runs, exported_at=NOON, filters={"status": "failed"})
    return json.loads(b"".join(pieces))


def the_rows(*runs: ExportedRun) -> list[dict[str, str]]:
    text = b"".join(csv_rows(runs)).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_a_runs_duration_is_in_milliseconds_without_rounding_errors() -> None:
    run = replace(RUN, ended_at=NOON + timedelta(microseconds=713_430))

    line = next(iter(json_lines([an_export(run=run)])))

    assert b'"duration_ms":713.43,' in line


def test_a_json_document_holds_runs_with_their_actions_and_its_filters() -> None:
    document = the_document(an_export((ACTION, BODIES), (replace(ACTION, id="a2"), Bodies())), an_export())

    assert isinstance(document, dict)
    assert [len(run["actions"]) for run in document["runs"]] == [2, 0]
    assert (document["exported_at"], document["filters"]) == ("2026-03-01T12:00:00Z", {"status": "failed"})
    assert document["counts"] == {"runs": 2, "actions": 2, "notes": 0}
    run = document["runs"][0]
    assert (run["run_id"], run["status"], run["status_source"]) == ("run-1", "failed", "inferred")
    assert (run["cost_usd"], run["attempted_cost_usd"], run["success_rate"]) == ("0.012", "0.512", 0.5)


def test_an_action_has_both_spellings_and_its_whole_bodies() -> None:
    document = the_document(an_export((ACTION, BODIES)))

    assert isinstance(document, dict)
    [action] = document["runs"][0]["actions"]
    assert (action["action"], action["name"]) == ("chat", "chat")
    assert (action["duration_ms"], action["duration_ns"]) == (2.5, 2_500_000)
    assert action["inputs"] == {"messages": [{"role": "user", "content": "hi"}, {"role": "x", "content": "é"}]}
    assert "outputs" not in action
    assert action["error"] == {"type": "ValueError", "message": "nope"}
    assert (action["cost_usd"], action["parent_id"]) == ("1E-12", "span-1")


def test_nothing_to_export_is_an_empty_document() -> None:
    assert the_document() == {
        "exported_at": "2026-03-01T12:00:00Z",
        "filters": {"status": "failed"},
        "runs": [],
        "counts": {"runs": 0, "actions": 0, "notes": 0},
    }


def test_notes_are_after_the_actions_of_their_run() -> None:
    exports = [an_export((ACTION, BODIES), notes=[NOTE, OF_ACTION]), an_export(notes=[OF_SPAN])]

    lines = [json.loads(line) for line in json_lines(exports)]

    assert [line["type"] for line in lines] == ["run", "action", "note", "note", "run", "note", "manifest"]
    assert [line["action_id"] for line in lines if line["type"] == "note"] == [None, "a1", "span-1"]
    assert lines[2] == {
        "type": "note",
        "id": "n1",
        "run_id": "run-1",
        "action_id": None,
        "author": "ann",
        "at": "2026-03-01T12:00:00Z",
        "name": "quality",
        "score": 0.25,
        "text": "fair,\nnot more",
        "acknowledges": False,
        "troubles": 0,
        "mutes": False,
    }
    assert (lines[-1]["runs"], lines[-1]["actions"], lines[-1]["notes"]) == (2, 1, 3)


def test_a_note_line_has_the_number_of_seen_errors_that_remain() -> None:
    exported = an_export(run=replace(RUN, troubles=5))  # it failed, and one call: 3 of 5 turned out well
    said = [dataclasses.replace(NOTE, acknowledges=True, troubles=seen) for seen in (5, 4, 1)]

    assert [note_line(note, exported).troubles for note in said] == [2, 1, 0]


def test_a_document_holds_the_notes_of_each_run() -> None:
    document = the_document(an_export(notes=[NOTE, OF_SPAN]), an_export())

    assert isinstance(document, dict)
    assert [[note["action_id"] for note in run["notes"]] for run in document["runs"]] == [[None, "span-1"], []]
    assert document["counts"] == {"runs": 2, "actions": 0, "notes": 2}


def test_a_row_has_the_notes_of_its_run_and_of_its_action() -> None:
    second = (replace(ACTION, id="a2"), Bodies())

    rows = the_rows(an_export((ACTION, BODIES), second, notes=[NOTE, OF_SPAN, OF_ACTION, NOTE]))
    [bare] = the_rows(an_export(notes=[NOTE]))

    said = "ann, 2026-03-01T12:00:00Z, quality 0.25: fair,\nnot more"
    assert [row["run_notes"] for row in [*rows, bare]] == [f"{said}\n{said}", f"{said}\n{said}", said]
    assert [row["notes"] for row in [*rows, bare]] == ["ann, 2026-03-01T12:00:00Z: =ask()", "", ""]


def test_a_note_whose_author_is_a_formula_is_none_in_a_row() -> None:
    [row] = the_rows(an_export(notes=[dataclasses.replace(NOTE, author="=HYPERLINK(1)", score=None, text="")]))

    assert row["run_notes"] == "'=HYPERLINK(1), 2026-03-01T12:00:00Z, quality"


def test_every_line_is_one_line_with_any_content() -> None:
    bodies = Bodies(inputs=Payload('{\n "a": "b\\nc"\r}'), details='{"x":\n1}')

    lines = list(json_lines([an_export((ACTION, bodies))]))

    assert [line.count(b"\n") for line in lines] == [1, 1, 1]
    assert [json.loads(line)["type"] for line in lines] == ["run", "action", "manifest"]
    assert json.loads(lines[1])["inputs"] == {"a": "b\nc"}


def test_a_line_is_written_before_the_next_action_is_asked_for() -> None:
    asked: list[str] = []

    def actions() -> Iterator[tuple[Action, Bodies]]:
        for name in ("a1", "a2"):
            asked.append(name)
            yield replace(ACTION, id=name), Bodies()

    lines = json_lines([ExportedRun(run=RUN, actions=actions())])

    next(lines)
    assert asked == []
    next(lines)
    assert asked == ["a1"]


def test_a_sum_over_counted_rows_has_a_call_of_two_reports_once() -> None:
    cached = replace(ACTION, cost=Decimal("0.5"), input_tokens=9, cache_read_tokens=8, reasoning_tokens=3)
    second = replace(cached, number=8, id="a2", count=Count(False, False, False, 7), sources=("sdk", "otlp:x"))

    rows = the_rows(an_export((cached, BODIES), (second, BODIES)))

    assert sum(Decimal(row["cost_usd"]) for row in rows if row["is_counted"] == "true") == Decimal("0.5")
    assert [(row["duplicate_of"], row["sources"]) for row in rows] == [("", "otlp:some.client"), ("a1", "sdk, otlp:x")]
    assert {(row["cache_read_tokens"], row["cache_write_tokens"], row["reasoning_tokens"]) for row in rows} == {
        ("8", "", "3")
    }


def test_a_row_has_its_runs_columns_and_its_own() -> None:
    [row] = the_rows(an_export((ACTION, BODIES)))

    assert tuple(row) == HEADER
    assert (row["run_id"], row["run_status"], row["run_cost_usd"], row["run_tags"]) == (
        "run-1",
        "failed",
        "0.012",
        "nightly, web",
    )
    assert (row["action_id"], row["action"], row["name"], row["outcome"]) == ("a1", "chat", "chat", "error")
    assert (row["duration_ms"], row["duration_ns"], row["is_cost_estimated"]) == ("2.5", "2500000", "false")
    assert (row["error_type"], row["error_message"]) == ("ValueError", "nope")
    assert json.loads(row["inputs"])["messages"][1]["content"] == "é"


def test_a_run_without_actions_has_a_row() -> None:
    [row] = the_rows(an_export())

    assert (row["run_id"], row["action_id"], row["error_message"]) == ("run-1", "", "")


BLANKS = ["\n", " ", "\u00a0", "\u3000", "\v", "\0", "\x1b", "\x85", "\ufeff", "\u200b"]


@pytest.mark.parametrize("start", [*"=+-@\t\r＝＋－＠", *(f"{blank}=" for blank in BLANKS), "\r\n +", "\n＠"])
def test_no_text_is_a_formula(start: str) -> None:
    evil = f'{start}HYPERLINK("http://evil",A1)'
    action = replace(ACTION, name=evil, actor=evil, tags=(evil,))
    bodies = Bodies(failure=Failure(type=evil, message=evil), outputs=Payload("-1"))

    [row] = the_rows(an_export((action, bodies), run=replace(RUN, agent_id=evil, name=evil)))

    guarded = [row[name] for name in ("run_agent_id", "run_name", "action", "actor", "tags", "error_message")]
    assert guarded == [f"'{evil}"] * 6
    assert row["outputs"] == "'-1"


@pytest.mark.parametrize("text", ["a = b", " a", "\n", "", "\u00e9=1", "(-1)"])
def test_a_text_that_is_no_formula_stays(text: str) -> None:
    [row] = the_rows(an_export((replace(ACTION, name=text), Bodies())))

    assert row["action"] == text


def test_quotes_commas_and_line_ends_are_preserved() -> None:
    [row] = the_rows(an_export((replace(ACTION, name='a "b", c\r\nd'), Bodies())))

    assert row["name"] == 'a "b", c\r\nd'
