"""What was told of a run beside its words: resource attributes, the result of a replay, a traceback, its project."""

from collections.abc import Iterable, Iterator

from titan.model.actions import Entry, RunEntry, project_detail


def details_of(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the JSON objects that entries about a run told beside its words, each once, in the order they came."""
    told = (text for entry in entries if isinstance(entry, RunEntry) for text in _told(entry))
    return tuple(dict.fromkeys(told))


def _told(entry: RunEntry) -> Iterator[str]:
    if entry.details is not None and entry.details.startswith("{"):
        yield entry.details
    if entry.project is not None:
        yield project_detail(entry.project)
