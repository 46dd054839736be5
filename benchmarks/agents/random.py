"""Grades essays; of the many it takes a sample for a second opinion."""

from __future__ import annotations

from dataclasses import dataclass, field

import titan_sdk

__all__ = ["main"]


@dataclass
class Essay:
    """A text and what it was given."""

    author: str
    text: str
    marks: list[int] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """The mean of its marks."""
        return sum(self.marks) / len(self.marks)


@titan_sdk.action(kind="tool")
def hand_ins(course: str) -> list[tuple[str, str]]:
    """Return who handed in what."""
    names = ("ada", "bela", "cyd", "dora", "emil", "fritz", "gabi", "hans", "ida", "jo")
    return [(name, f"{course} is about {name * (place % 3 + 1)}.") for place, name in enumerate(names)]


@titan_sdk.action(kind="model", cost=0.002)
def mark(text: str, strictness: int) -> int:
    """Return a mark from 1 to 5, by rule."""
    return 1 + (sum(map(ord, text)) * strictness) % 5


@titan_sdk.action(kind="model", cost=0.004)
def comment(text: str, marks: list[int]) -> str:
    """Return what to say of an essay."""
    return f"{'Well done' if max(marks) > 3 else 'Try again'}: {text.split()[-1]}"


def second_opinions(essays: list[Essay]) -> list[Essay]:
    """Return the essays that are looked at twice: the doubtful ones, and some that chance takes."""
    from random import sample

    doubtful = [essay for essay in essays if essay.marks[0] == 3]
    others = [essay for essay in essays if essay not in doubtful]
    chosen = sample(others, k=3)
    return [*doubtful, *chosen]


def report(essays: list[Essay]) -> list[str]:
    """Return a line for each essay, the best first."""
    ordered = sorted(essays, key=lambda essay: (-essay.mean, essay.author))
    return [f"{essay.author}: {essay.mean:.2f} of {len(essay.marks)}" for essay in ordered]


def main() -> None:
    """Grade one course."""
    essays = [Essay(*each) for each in hand_ins("History")]
    for essay in essays:
        essay.marks.append(mark(essay.text, 7))
    for essay in second_opinions(essays):
        essay.marks.append(mark(f"{essay.author}: {essay.text}", 11))
    lines = report(essays)
    best = next(essay for essay in essays if lines[0].startswith(essay.author))
    print("\n".join(lines), comment(best.text, best.marks), sep="\n")


if __name__ == "__main__":
    main()
