"""What every server is given: seeded conversations, half of them older than a day, and one long trace."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from typing import Final, TypeAlias

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.conversations import Conversation, ModelCall, ToolCall, conversations, request_of, spans_of
from benchmarks.rivals.calls.openinference import openinference_spans_of

SEED: Final = 5
SPANS: Final = 512  # of a request: what OpenTelemetry's batch processor sends at most
DEEP_SPANS: Final = 1000
DEEP_TRACE: Final = bytes.fromhex("0123456789abcdef0123456789abcdef")
FREQUENT: Final = "weather"  # of the writer's vocabulary: in some hundredths of the texts
RARE_LETTERS: Final = 9  # at least; so that no other word has it inside, for rivals look for substrings

#: A conversation's spans in the semantic conventions that a server reads: the agent's, the root, last.
Dialect: TypeAlias = Callable[[Conversation], Iterator[Span]]
DIALECTS: Final[dict[str, Dialect]] = {"GenAI": spans_of, "OpenInference": openinference_spans_of}


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The conversations that are sent and, beside them, what is asked for."""

    conversations: Sequence[Conversation]
    warm_up: Sequence[Conversation]  #: sent first and not measured
    deep: Sequence[Conversation]  #: of the long trace
    by_sdk: Sequence[Conversation]  #: sent by OpenTelemetry's SDK, at the end
    rare: str  #: a word of one or two texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A serialised ExportTraceServiceRequest."""

    body: bytes
    spans: int
    calls: int  #: spans of models and tools; the others are an agent's


def corpus_of(spans: int, *, middle: datetime, seed: int = SEED) -> Corpus:
    """Return conversations with at least `spans` spans; half of them began before `middle`."""
    stream = conversations(seed=seed)
    sizes = (spans, SPANS, DEEP_SPANS, max(SPANS, spans // 10))
    parts = [list(_enough(stream, size)) for size in sizes]
    shift_ns = int(middle.timestamp()) * 10**9 - parts[0][len(parts[0]) // 2].started_ns
    main, warm_up, deep, by_sdk = (
        [replace(one, started_ns=one.started_ns + shift_ns) for one in part] for part in parts
    )
    return Corpus(conversations=main, warm_up=warm_up, deep=deep, by_sdk=by_sdk, rare=rare_word(main))


def requests_of(some: Sequence[Conversation], dialect: Dialect) -> list[Request]:
    """Return ExportTraceServiceRequests with all spans of the conversations, SPANS in each but the last."""
    return _requests(chain.from_iterable(dialect(conversation) for conversation in some))


def deep_requests(some: Sequence[Conversation], dialect: Dialect) -> list[Request]:
    """Return requests with one trace of DEEP_SPANS spans: an agent that has many others, each with a conversation."""
    return _requests(islice(_deep_spans(some, dialect), DEEP_SPANS))


def rare_word(some: Sequence[Conversation]) -> str:
    """Return the word in small letters that occurs least, the first of several by the alphabet."""
    counts = Counter(word for conversation in some for text in _texts(conversation) for word in _words(text))
    return min((count, word) for word, count in counts.items() if len(word) >= RARE_LETTERS)[1]


def _enough(stream: Iterator[Conversation], spans: int) -> Iterator[Conversation]:
    while spans > 0:
        conversation = next(stream)
        spans -= len(conversation.calls) + 1
        yield conversation


def _requests(stream: Iterator[Span]) -> list[Request]:
    requests: list[Request] = []
    while spans := list(islice(stream, SPANS)):
        calls = sum(not span.name.startswith("invoke_agent") for span in spans)
        requests.append(Request(body=request_of(spans).SerializeToString(), spans=len(spans), calls=calls))
    return requests


def _deep_spans(some: Sequence[Conversation], dialect: Dialect) -> Iterator[Span]:
    *_, first = dialect(some[0])
    first.trace_id, first.span_id = DEEP_TRACE, DEEP_TRACE[:8]
    yield first
    for conversation in some:
        *calls, root = dialect(conversation)
        for span in (root, *calls):
            span.trace_id, span.parent_span_id = DEEP_TRACE, span.parent_span_id or DEEP_TRACE[:8]
            yield span


def _texts(conversation: Conversation) -> Iterator[str]:
    yield conversation.question
    for call in conversation.calls:
        if isinstance(call, ToolCall):
            yield call.result
        elif isinstance(call, ModelCall):
            yield str(call.answer)


def _words(text: str) -> list[str]:
    return re.findall(r"\b[a-z]+\b", text)
