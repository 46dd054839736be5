"""How long `re` may look for a user's own pattern: it tries every way to match, and lets no other thread run meanwhile.

What lets the ways multiply is refused. What is then left takes at most a time that grows with the square of a text, as
`[a-z]+@` does in a text of letters: at each letter it reads all that follow. That is bearable in a short text only.
Where something that the repeat cannot hold comes before, as in `#[a-z]+@`, it is read once, and any text will do.
Pure, standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import prod
from typing import Final, NamedTuple

MOST_WAYS: Final = 1000  # to match a text from one place on
MOST_WAYS_BESIDE: Final = 4  # a repeat that is read again from each place
MOST_STEPS_BESIDE: Final = 16  # behind a repeat without a limit, from each place where it may end
MOST_STEPS: Final = 1000  # from one place on, in a text of any length: 5 µs


class Work(NamedTuple):
    """What it takes to look for a pattern."""

    problem: str | None  #: why it may not be used
    is_slow: bool  #: whether it may be looked for in short texts alone


class _Item(NamedTuple):
    """One of what follows each other in a pattern: a character, a class, or a group of them."""

    takes: frozenset[str]  #: of all characters that tell the items apart
    least: int
    most: int | None  #: None: no limit
    ways: int  #: how many ways there are to match it, but for those that have no limit

    @property
    def has_limit(self) -> bool:
        return self.most is not None


class _Reader:
    """Reads a pattern's tokens into items."""

    def __init__(self, tokens: Sequence[str], compiled: Callable[[str], re.Pattern[str]]) -> None:
        self._tokens = list(tokens)
        self._at = 0
        beyond = {character for token in tokens for character in token if not character.isascii()}
        self._probe = "".join([*map(chr, range(128)), *beyond, *(chr(min(0x10FFFF, ord(c) + 1)) for c in beyond)])
        self._probe += "\U0010fffe"
        self._flags = "(?si)" if any(_FOLDS.match(token) for token in tokens) else "(?s)"
        self._compiled = compiled
        self.works: list[Work] = []

    def choices(self) -> list[list[_Item]]:
        """Return what is between two `|`, up to the end of the group."""
        found: list[list[_Item]] = [[]]
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token == ")":
                break
            if token == "|":
                found.append([])
            elif token not in _NO_CHARACTER and not _FLAGS_ALONE.fullmatch(token):
                found[-1] += self._item(token)
        return found

    def _item(self, token: str) -> list[_Item]:
        if token.startswith("(") and not token.endswith(")"):
            choices = self.choices()
            least, most = self._count()
            if len(choices) == 1 and (least, most) == (1, 1):
                return choices[0]
            self.works += [_work_of(items, is_whole=False) for items in choices]
            return [_group(choices, least, most)]
        takes = frozenset(self._compiled(self._flags + token).findall(self._probe))
        least, most = self._count()
        return [_Item(takes, least, most, 1 if most is None else most - least + 1)]

    def _count(self) -> tuple[int, int | None]:
        """Return how often what stands before may come, at least and at most."""
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        if not (count := _COUNT.fullmatch(token)):
            return 1, 1
        self._at += 1
        if self._tokens[self._at : self._at + 1] == ["?"]:  # as little as will do: the ways are the same
            self._at += 1
        if token in _SIGNS:
            return _SIGNS[token]
        least = int(count[1])
        return least, least if count[2] is None else int(count[3]) if count[3] else None


def work_of(tokens: Sequence[str], compiled: Callable[[str], re.Pattern[str]]) -> Work:
    """Return what it takes to look for a pattern, by its tokens and what compiles one."""
    reader = _Reader(tokens, compiled)
    works = [*(_work_of(items, is_whole=True) for items in reader.choices()), *reader.works]
    problem = next((work.problem for work in works if work.problem), None)
    return Work(problem, any(work.is_slow for work in works))


def _group(choices: Sequence[Sequence[_Item]], least: int, most: int | None) -> _Item:
    items = [item for items in choices for item in items]
    takes = frozenset[str]().union(*(item.takes for item in items))
    has_limit = most is not None and all(item.has_limit for item in items)
    ways = sum(prod(item.ways for item in items) for items in choices)
    may_be_empty = least == 0 or any(not any(item.least for item in items) for items in choices)
    length = sum(item.most or 0 for item in items) * (most or 1)
    return _Item(takes, 0 if may_be_empty else least, length if has_limit else None, ways + (least != most))


def _work_of(items: Sequence[_Item], *, is_whole: bool) -> Work:
    """Return what one sequence takes. What ends the whole pattern has matched by then, and is tried in one way."""
    ways, steps, steps_beside, is_slow = 1, 1, 0, False
    is_open = False  # whether something without a limit has come of which nothing tells where it ends
    for place, item in enumerate(items):
        following = items[place + 1] if place + 1 < len(items) else None
        is_determined = (following is None and is_whole) or (following is not None and _tells(following, item))
        if item.has_limit:
            ways *= 1 if is_determined else item.ways
            steps += item.most or 0
            steps_beside += item.most or 0 if is_open and item.least != item.most else 0
            continue
        if following is None and is_whole:
            continue
        if is_open and not _is_counted_back(items[:place], item):
            return Work("two repeats without a limit that can share a text in many ways; count one, as in {1,64}", True)
        is_open = is_open or not is_determined
        is_slow = is_slow or not any(_tells(earlier, item) for earlier in items[:place])
    if steps_beside > MOST_STEPS_BESIDE:
        return Work(f"a repeat without a limit before what may be over {MOST_STEPS_BESIDE} long; count it, too", True)
    if ways > (most := MOST_WAYS_BESIDE if is_slow else MOST_WAYS):
        return Work(f"more than {most:,} ways to match one text; leave out some of what is optional", True)
    return Work(None, is_slow or ways * steps > MOST_STEPS)


def _tells(mark: _Item, item: _Item) -> bool:
    """Return whether `mark` is always there, and cannot be taken for a part of `item`."""
    return mark.least > 0 and not mark.takes & item.takes


def _is_counted_back(before: Sequence[_Item], item: _Item) -> bool:
    """Return whether where an item begins is known by where it ends, and with it where the open one before it does.

    As in `[a-z.]+[.][a-z]+`: whatever the second takes, it began behind the last dot.
    """
    marks = 0
    for earlier in reversed(before):
        if not earlier.has_limit:
            break
        if earlier.least != earlier.most:
            return False
        marks += 1
    return bool(marks) and _tells(before[-1], item)


_COUNT: Final = re.compile(r"[*+?]|\{([0-9]+)(?:(,)([0-9]*))?\}")
_SIGNS: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_NO_CHARACTER: Final = ("^", "$", r"\b", r"\B", r"\A")
_FLAGS_ALONE: Final = re.compile(r"\(\?[a-zA-Z]+\)")
_FOLDS: Final = re.compile(r"\(\?[ims]*i")
