"""The paths that say which parts of a value do not count when two are compared: a part of JSONPath (RFC 9535)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Step", "steps_of"]

_STEP: Final = re.compile(
    r'(?P<anywhere>\.\.)?(?:\.?(?P<name>[^.\[\]"\s]+)|\[(?P<index>\d+|\*)\]|\["(?P<quoted>[^"]*)"\])'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step down: to a key, to a place in a list, or to any of them (None)."""

    to: str | int | None
    #: however deep below; written `..`
    anywhere: bool = False

    def leads_to(self, place: str | int) -> bool:
        return self.to is None or self.to == place


def steps_of(path: str) -> tuple[Step, ...]:
    """Return the steps of `$.kwargs.request_id`, `$.items[0].at`, `$.items[*].at`, `$.*.at`, `$["odd key"]`, `$..at`.

    Raises:
        ValueError: `path` is none of these.
    """
    if not path.startswith("$") or len(path) == 1:
        raise ValueError(f"a path begins with `$` and names something below it, like `$.request_id`; found {path!r}")
    steps = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or (match["name"] and path[at] != "."):
            raise ValueError(f"cannot read {path!r} from {path[at:]!r} on; a step is `.name`, `..name`, `[0]` or `[*]`")
        steps.append(_step(match))
        at = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    anywhere = match["anywhere"] is not None
    if match["index"] is not None:
        return Step(to=None if match["index"] == "*" else int(match["index"]), anywhere=anywhere)
    if match["quoted"] is not None:
        return Step(to=match["quoted"], anywhere=anywhere)
    return Step(to=None if match["name"] == "*" else match["name"], anywhere=anywhere)
