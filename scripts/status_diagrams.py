"""Draws a job's statuses into the guide, from the one table that says what may follow what.

python scripts/status_diagrams.py
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from titan.model.jobs import JobStatus
from titan.rules.lifecycle import TRANSITIONS

GUIDE: Final = Path(__file__).resolve().parent.parent / "docs/guide/first-dag.md"
DIAGRAM: Final = re.compile(r"(?<=```mermaid\nstateDiagram-v2\n).*?(?=```)", re.S)


def with_diagram(text: str) -> str:
    """Return a guide's text with the diagram of today's table; its place is that of the one it has."""
    return DIAGRAM.sub("".join(f"    {line}\n" for line in _lines()), text)


def _lines() -> Iterator[str]:
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


if __name__ == "__main__":
    GUIDE.write_text(with_diagram(GUIDE.read_text("utf-8")), "utf-8")
    print(f"{GUIDE}: written")
