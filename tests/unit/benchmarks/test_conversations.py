"""The conversations of the benchmarks are the same every time, and such as agents have."""

from itertools import islice, pairwise

from benchmarks.conversations import ModelCall, ToolCall, conversations, otlp_requests, spans_of
from titan.ingest.otlp import read_traces
from titan.model.actions import ActionEntry, ActionKind, Outcome


def test_equal_seeds_give_equal_bytes_and_others_give_others() -> None:
    first, again, other = (next(otlp_requests(spans=50, seed=seed)) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_a_history_grows_and_is_repeated_by_every_call() -> None:
    conversation = next(conversations(seed=3))
    histories = [call.messages for call in conversation.calls if isinstance(call, ModelCall)]

    assert len(histories) >= 3
    for before, after in pairwise(histories):
        assert after[: len(before)] == before


def test_a_request_is_read_into_agents_calls_and_a_few_errors() -> None:
    body = next(otlp_requests(spans=2000, seed=4))

    batch = read_traces(body, content_type=None, content_encoding=None)
    actions = [entry for entry in batch.entries if isinstance(entry, ActionEntry)]
    kinds = {kind: sum(action.kind is kind for action in actions) for kind in ActionKind}
    errors = sum(action.outcome is Outcome.ERROR for action in actions)

    assert (batch.accepted, batch.rejected) == (2000, 0)
    assert kinds[ActionKind.AGENT] + kinds[ActionKind.MODEL] + kinds[ActionKind.TOOL] == 2000
    assert kinds[ActionKind.MODEL] > kinds[ActionKind.TOOL] > kinds[ActionKind.AGENT] > 100
    assert 5 < errors < 100


def test_a_span_takes_two_kilobytes_and_a_trace_ten_spans() -> None:
    some = list(islice(conversations(seed=5), 200))
    spans = [span for conversation in some for span in spans_of(conversation)]

    assert 8 <= len(spans) / len(some) <= 12
    assert 1500 <= sum(span.ByteSize() for span in spans) / len(spans) <= 2500
    assert any(isinstance(call, ToolCall) and call.error for conversation in some for call in conversation.calls)
