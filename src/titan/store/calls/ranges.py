"""Ascending or repeated whole numbers as a short text: a conversation's history is mostly one range."""

from collections.abc import Sequence
from typing import Final

BLOB: Final = "blob:"  #: stands before a digest where there are no numbers: the whole text is a blob


def to_ranges(numbers: Sequence[int]) -> str:
    """Return "1-3,7" for 1, 2, 3, 7. The order is kept, repeats too."""
    if len(numbers) > 1 and numbers == [*range(numbers[0], numbers[0] + len(numbers))]:
        return f"{numbers[0]}-{numbers[-1]}"
    parts: list[str] = []
    first = last = -1
    for number in numbers:
        if number == last + 1 and parts:
            last = number
            parts[-1] = f"{first}-{last}"
        else:
            first = last = number
            parts.append(str(number))
    return ",".join(parts)


def from_ranges(text: str) -> list[int]:
    """Return the numbers that `to_ranges` was given; none for a blob."""
    numbers: list[int] = []
    for part in text.split(",") if text and not text.startswith(BLOB) else ():
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers
