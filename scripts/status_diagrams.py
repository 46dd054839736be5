"""Draws the statuses of jobs and of runs into the guide, from the tables that decide them.

python scripts/status_diagrams.py
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from titan.model.jobs import JobStatus
from titan.model.run_control import RunStatus
from titan.rules.jobs.lifecycle import TRANSITIONS
from titan.rules.runs.lifecycle import STATUS_AFTER, RunEvent

_GUIDE: Final = Path(__file__).resolve().parent.parent / "docs/guide"
DIAGRAM: Final = re.compile(r"(?<=```mermaid\nstateDiagram-v2\n).*?(?=```)", re.S)
_BEGINNINGS: Final = (RunEvent.SUBMITTED, RunEvent.BEGAN)


def with_diagram(text: str, lines: Callable[[], Iterator[str]]) -> str:
    """Return a guide's text with the diagram of today's table; its place is that of the one it has."""
    return DIAGRAM.sub("".join(f"    {line}\n" for line in lines()), text)


def of_jobs() -> Iterator[str]:
    """Yield first status, transitions between two statuses, last statuses; where several events lead, in one line."""
    yield f"[*] --> {JobStatus.WAITING.name}"
    arrows: dict[tuple[str, str], list[str]] = {}
    for (before, event), after in TRANSITIONS.items():
        if before is not after:
            arrows.setdefault((before.name, after.name), []).append(event.__name__)
    for (before_name, after_name), events in arrows.items():
        yield f"{before_name} --> {after_name}: {', '.join(events)}"
    for status in JobStatus:
        if status.is_final:
            yield f"{status.name} --> [*]"


def of_runs() -> Iterator[str]:
    """Yield what a run begins as, what each event makes of it, and that one that has ended may go on."""
    ends = {event: status for event, status in STATUS_AFTER.items() if event not in _BEGINNINGS}
    for event in _BEGINNINGS:
        yield f"[*] --> {STATUS_AFTER[event]}: {event}"
    yield f"{RunStatus.PENDING} --> {STATUS_AFTER[RunEvent.BEGAN]}: {RunEvent.BEGAN}"
    for before in (RunStatus.PENDING, RunStatus.RUNNING):
        for event, status in ends.items():
            yield f"{before} --> {status}: {event}"
    yield "state ended {"
    yield from (f"    {status}" for status in ends.values())
    yield "}"
    for event in _BEGINNINGS:
        yield f"ended --> {STATUS_AFTER[event]}: {event}"


#: Each guide with a diagram, and what draws it.
GUIDES: Final[Mapping[Path, Callable[[], Iterator[str]]]] = {
    _GUIDE / "first-dag.md": of_jobs,
    _GUIDE / "runs.md": of_runs,
}


if __name__ == "__main__":
    for guide, lines in GUIDES.items():
        guide.write_text(with_diagram(guide.read_text("utf-8"), lines), "utf-8")
        print(f"{guide}: written")
