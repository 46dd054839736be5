"""What was told of a run beside its words: resource attributes, the result of a replay, a traceback."""

from collections.abc import Iterable

from titan.model.actions import Entry, RunEntry


def details_of(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the JSON objects that entries about a run told beside its words, each once, in the order they came."""
    told = (entry.details for entry in entries if isinstance(entry, RunEntry) and entry.details is not None)
    return tuple(dict.fromkeys(details for details in told if details.startswith("{")))
