"""Make entries storable by every database; all entries pass here before secrets are removed.

PostgreSQL has no text with a NUL, and UTF-8 none with half a surrogate pair: either stands as U+FFFD then. What
payloads and details hold is JSON, in which NUL is an escape. A number of tokens that no call takes is unknown, and an
input smaller than what a cache gave to it is all but that. A time before 1970, which is a clock that was never set or
the zero of some language, stands as the beginning of 1970: OTLP and the SDK, whose times are numbers since then, can
report none before it.
"""

import re
from datetime import UTC, datetime
from typing import Final, TypeVar

from msgspec.structs import asdict, replace

from titan.model.actions import MOST_TOKENS, ActionEntry, Entry, Failure, ModelUse, RunEntry, Standing

S = TypeVar("S", ActionEntry, RunEntry, Standing)
C = TypeVar("C", ActionEntry, RunEntry, ModelUse, Failure)

_NO_TEXT: Final = re.compile("[\ud800-\udfff\0]")
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES: Final = {
    ActionEntry: ("started_at", "ended_at"),
    RunEntry: ("at", "agent_at"),
    Standing: ("last_event_at", "last_started_at", "last_ended_at", "progress_at"),
}
#: Of entries, of what a call used, and of failures: all that holds text which is no JSON.
_CLEANED: Final = frozenset(
    {
        *("id", "run_id", "parent_id", "actor", "agent_id", "parent_run_id", "forked_at_action_id"),
        *("name", "tags", "scope", "session_id", "reason"),
        *("model", "provider", "response_id", "type", "message", "traceback"),
    }
)
_TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


def storable(entry: Entry) -> Entry:
    """Return an entry that every store can keep; the same object when it already is."""
    if isinstance(entry, RunEntry):
        entry = _since_1970(entry)
        if entry.standing is not None and (standing := _since_1970(entry.standing)) is not entry.standing:
            entry = replace(entry, standing=standing)
        return entry if _are_storable(_texts_of_run(entry)) else _clean(entry)
    if entry.started_at < _EARLIEST:  # nothing ends before it begins
        entry = _since_1970(entry)
    use = None if entry.use is None else _with_all_input(_believable(entry.use))
    if use is not entry.use:
        entry = replace(entry, use=use)
    return entry if _are_storable(texts_of_action(entry)) else _clean_action(entry)


def storable_text(text: str) -> str:
    """Return a text that every store can keep."""
    return text if _are_storable([text]) else _NO_TEXT.sub("\ufffd", text)


def storable_time(moment: datetime) -> datetime:
    """Return a time as every source could have reported it."""
    return max(moment, _EARLIEST)


def _since_1970(said: S) -> S:
    times = {name: getattr(said, name) for name in _TIMES[type(said)]}
    early = {name: _EARLIEST for name, moment in times.items() if moment is not None and moment < _EARLIEST}
    return replace(said, **early) if early else said


def _are_storable(texts: list[str]) -> bool:
    joined = "".join(texts)
    if "\0" in joined:
        return False
    try:
        return joined.isascii() or bool(joined.encode())
    except UnicodeEncodeError:
        return False


def texts_of_action(entry: ActionEntry) -> list[str]:
    """Return the texts of an entry that are not JSON."""
    texts = [entry.id, entry.run_id, entry.parent_id or "", entry.actor or "", entry.name, *entry.tags]
    texts.append(entry.scope or "")
    if (use := entry.use) is not None:
        texts += (use.model or "", use.provider or "", use.response_id or "")
    if (failure := entry.failure) is not None:
        texts += (failure.type, failure.message, failure.traceback or "")
    return texts


def _texts_of_run(entry: RunEntry) -> list[str]:
    said = (entry.agent_id, entry.session_id, entry.parent_run_id, entry.forked_at_action_id, entry.name, entry.reason)
    return [entry.run_id, *(text or "" for text in said), *entry.tags]


def _clean_action(entry: ActionEntry) -> ActionEntry:
    use = None if entry.use is None else _clean(entry.use)
    return replace(_clean(entry), use=use, failure=None if entry.failure is None else _clean(entry.failure))


def _clean(said: C) -> C:
    """Return what a source says with texts, ids and tags that every store can keep."""
    values = ((name, getattr(said, name)) for name in said.__struct_fields__)
    return replace(said, **{name: _cleaned(value) for name, value in values if name in _CLEANED and value})


def _cleaned(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    return tuple(map(storable_text, value)) if isinstance(value, tuple) else storable_text(value)


def _believable(use: ModelUse) -> ModelUse:
    """Return what a call took; without the counts that no call has."""
    counts = (use.input_tokens, use.output_tokens, use.cache_read_tokens, use.cache_write_tokens, use.reasoning_tokens)
    if all(count is None or 0 <= count <= MOST_TOKENS for count in counts):
        return use
    said = asdict(use)
    unknown = {name: None for name in _TOKENS if said[name] is not None and not 0 <= said[name] <= MOST_TOKENS}
    return replace(use, **unknown)


def _with_all_input(use: ModelUse) -> ModelUse:
    reported, cached = use.input_tokens, (use.cache_read_tokens or 0) + (use.cache_write_tokens or 0)
    if reported is None or (everything := all_input(reported, cached)) == reported:
        return use
    return replace(use, input_tokens=everything if everything <= MOST_TOKENS else None)


def all_input(
    reported: int, cached: int, *, output_tokens: int = 0, total_tokens: int | None = None, is_apart: bool = False
) -> int:
    """Return all input tokens of a call, of which `cached` were read from or written to a cache.

    OpenAI counts these within the input, and so do OpenTelemetry's conventions (semantic-conventions, gen-ai spans:
    "SHOULD include all types of input tokens, including cached tokens"). Anthropic's and Bedrock's own counts leave
    them out: for 5,000 tokens from a cache and 100 beside them, a source that repeats them reports an input of 100.
    They are not among those reported where the source is known to count them apart (`is_apart`), where they are more
    than those reported, and where the reported total has them besides: all_input(100, 50, total_tokens=150) is 150.
    """
    is_besides = cached > 0 and total_tokens == reported + cached + output_tokens
    return reported + cached if is_apart or is_besides or cached > reported else reported
