"""What the servers that keep traces are given, and the table of what was found of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.conversations import ModelCall, conversations, spans_of
from benchmarks.rivals.__main__ import main
from benchmarks.rivals.calls.catalogue import CONTESTANTS
from benchmarks.rivals.calls.corpus import (
    DEEP_SPANS,
    DEEP_TRACE,
    DIALECTS,
    Dialect,
    Request,
    corpus_of,
    deep_requests,
    rare_word,
    requests_of,
)
from benchmarks.rivals.calls.measure import QUESTIONS
from benchmarks.rivals.calls.mlflow import MLflow
from benchmarks.rivals.calls.openinference import openinference_spans_of
from benchmarks.rivals.calls.phoenix import Phoenix
from benchmarks.rivals.calls.results import Answered, Found, Measured, Results, merged, read_results, write_results
from benchmarks.rivals.calls.server import Server, Wanted
from benchmarks.rivals.calls.table import COLUMNS, markdown, update_document
from benchmarks.rivals.calls.titan import Titan
from benchmarks.rivals.environments import LOCKS

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MACHINE = {
    "measured_at": "2026-11-22T03:00:00+00:00",
    "commit": "abc1234",
    "processor": "A processor",
    "cores": 2,
    "memory_gb": 25.3,
    "system": "Linux",
    "python": "3.11",
    "file_system": "ext4",
    "load_before": 0.5,
}


def measured(**changes: object) -> Measured:
    """Return the figures of a server that answers every question in 10, 20 or 30 ms."""
    found = Measured(
        version="1.2.3",
        machine=MACHINE,
        load_after=1.0,
        spans=2_000,
        bytes_of_span=2048.0,
        spans_per_s=[100.0, 300.0, 200.0],
        sdk_spans_per_s=50.0,
        answered={question: Answered(took_ms=[10.0, 30.0, 20.0], rows=50) for question in QUESTIONS},
        disk_bytes_per_span=1234.5,
        memory_mib=99.6,
    )
    return replace(found, **changes)  # type: ignore[arg-type]  # a field's value each


def results(**found: Found) -> Results:
    return Results(spans=2_000, found=found)


def spans_in(requests: list[Request]) -> list[Span]:
    parsed = [ExportTraceServiceRequest.FromString(request.body) for request in requests]
    return [span for request in parsed for span in request.resource_spans[0].scope_spans[0].spans]


def row_of(text: str, title: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.startswith(f"| **{title}**")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_half_of_the_corpus_began_before_its_middle() -> None:
    corpus = corpus_of(3_000, middle=NOON)
    earlier = [one for one in corpus.conversations if one.started_ns < NOON.timestamp() * 10**9]

    assert abs(2 * len(earlier) - len(corpus.conversations)) <= 2


def test_a_request_says_how_many_spans_and_calls_it_has() -> None:
    corpus = corpus_of(1_200, middle=NOON)

    requests = requests_of(corpus.conversations, spans_of)

    spans = spans_in(requests)
    assert [request.spans for request in requests[:2]] == [512, 512]
    assert sum(request.spans for request in requests) == len(spans) >= 1_200
    assert sum(request.calls for request in requests) == len(spans) - len(corpus.conversations)


@pytest.mark.parametrize("dialect", DIALECTS.values())
def test_the_long_trace_is_one_tree_of_its_own(dialect: Dialect) -> None:
    corpus = corpus_of(1_200, middle=NOON)

    spans = spans_in(deep_requests(corpus.deep, dialect))

    ids = {span.span_id for span in spans}
    others = {span.span_id for span in spans_in(requests_of(corpus.conversations, dialect))}
    assert len(spans) == len(ids) == DEEP_SPANS
    assert {span.trace_id for span in spans} == {DEEP_TRACE}
    assert [span.parent_span_id in ids for span in spans] == [False] + [True] * (DEEP_SPANS - 1)
    assert not ids & others


def test_dialects_differ_in_their_attributes_alone() -> None:
    some = list(islice(conversations(seed=3), 20))

    for genai, openinference in zip(
        chain.from_iterable(map(spans_of, some)), chain.from_iterable(map(openinference_spans_of, some)), strict=True
    ):
        assert {pair.key for pair in genai.attributes} != {pair.key for pair in openinference.attributes}
        for span in (genai, openinference):
            del span.attributes[:]
        assert genai == openinference


def test_openinference_has_the_whole_history_and_the_newest_message_apart() -> None:
    conversation = next(conversations(seed=3))
    last_call = conversation.calls[-1]
    assert isinstance(last_call, ModelCall)

    *_, last, _root = openinference_spans_of(conversation)

    values = {pair.key: pair.value.string_value for pair in last.attributes}
    roles = [values[f"llm.input_messages.{number}.message.role"] for number in range(len(last_call.messages))]
    assert roles == [message["role"] for message in last_call.messages]
    assert values["llm.input_messages.1.message.content"] == conversation.question
    assert values["input.value"] == values[f"llm.input_messages.{len(roles) - 1}.message.content"]
    assert values["output.value"] == values["llm.output_messages.0.message.content"]


def test_a_rare_word_is_in_one_or_two_texts() -> None:
    corpus = corpus_of(2_000, middle=NOON)

    word = rare_word(corpus.conversations)

    holding = [one for one in corpus.conversations if f" {word}" in str(one)]
    assert word == corpus.rare
    assert 1 <= len(holding) <= 2


@pytest.mark.parametrize("server", [Titan, Phoenix, MLflow])
def test_every_server_is_asked_the_questions_of_the_table(server: type[Server], tmp_path: Path) -> None:
    wanted = Wanted(since_ms=1_700_000_000_000, rare="belbel", trace_id=DEEP_TRACE.hex())

    questions = server(port=1, pid=1, data=tmp_path).questions(wanted)

    assert set(questions) == set(QUESTIONS)


def test_every_contestant_has_a_lock_and_a_known_dialect() -> None:
    for contestant in CONTESTANTS:
        assert contestant.lock is None or (LOCKS / f"{contestant.lock}.lock").exists()
        assert contestant.dialect in DIALECTS


def test_a_row_has_the_medians_of_rates_and_two_percentiles_of_answers() -> None:
    cells = row_of(markdown(results(titan=Found(measured=measured()))), "Titan")

    assert cells[0] == "**Titan** 1.2.3"
    assert cells[1:4] == ["SQLite", "200", "50.0"]
    assert cells[4] == "20.0 / 30.0"
    assert cells[-3:] == ["1,234", "100", "2,000"]
    assert len(cells) == len(COLUMNS)


def test_a_question_that_a_server_cannot_answer_is_a_dash() -> None:
    answered = {name: one for name, one in measured().answered.items() if name != "longest first"}

    cells = row_of(markdown(results(phoenix=Found(measured=measured(answered=answered)))), "Arize Phoenix")

    assert cells[COLUMNS.index("longest first, p50 / p95 ms")] == "–"


def test_a_question_without_an_answer_says_how_long_it_was_waited_for() -> None:
    answered = {**measured().answered, "a rare word": Answered(took_ms=[300_123.0], rows=0, refusal="timed out")}

    cells = row_of(markdown(results(mlflow=Found(measured=measured(answered=answered)))), "MLflow")

    assert cells[COLUMNS.index("a rare word, p50 / p95 ms")] == "none in 300 s"


def test_a_server_that_was_not_measured_is_a_row_with_the_reason() -> None:
    text = markdown(results(mlflow=Found(reason="no wheel")))

    assert "nothing was measured" in text
    assert row_of(text, "MLflow")[-1] == "not measured: no wheel"


def test_settings_are_said_once_of_a_server_in_both_stores() -> None:
    both = {name: Found(measured=measured()) for name in ("phoenix", "phoenix-postgres")}

    text = markdown(results(**both))

    assert text.count("- **Arize Phoenix**: ") == 1
    assert text.count("| PostgreSQL |") == 1


def test_the_rivals_calls_document_keeps_text_outside_the_marks(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text("before\n<!-- rivals-calls:begin -->\nold\n<!-- rivals-calls:end -->\nafter\n", "utf-8")

    update_document(results(titan=Found(measured=measured())), document)

    text = document.read_text("utf-8")
    assert text.startswith("before\n<!-- rivals-calls:begin -->\n`make bench-rivals ARGS=")
    assert text.endswith("<!-- rivals-calls:end -->\nafter\n")
    assert "old" not in text


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    kept = results(titan=Found(measured=measured()), mlflow=Found(reason="no wheel"))

    write_results(kept, tmp_path / "rivals-calls.json")

    assert read_results(tmp_path / "rivals-calls.json") == kept
    assert read_results(tmp_path / "none.json") is None


def test_servers_that_were_sent_as_much_are_kept_beside_new_ones() -> None:
    before, now = results(titan=Found(reason="old"), mlflow=Found()), results(titan=Found(reason="new"))

    assert merged(before, now) == results(titan=Found(reason="new"), mlflow=Found())
    assert merged(replace(before, spans=7), now) == now
    assert merged(None, now) == now


def test_an_unknown_family_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "celery"]) == 2
    assert "jobs | calls" in capsys.readouterr().err
