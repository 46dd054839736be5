"""Which items of one sequence are which of another: patience first, then Myers in the gaps."""

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterator, Sequence
from typing import Final, TypeAlias

#: Places of equal items in the two sequences.
Pair: TypeAlias = tuple[int, int]

MOST_EDITS: Final = 256  # 33,000 steps of Myers, 20 ms; a gap that differs in more is matched by occurrence


def aligned(one: Sequence[Hashable], other: Sequence[Hashable]) -> list[Pair]:
    """Return pairs of equal items, ascending in both sequences; each item is in one pair at most.

    Items that occur once in both are the anchors (patience diff, as in Bazaar and Git); what is between two anchors is
    matched with as few left over as there can be (Myers, "An O(ND) Difference Algorithm", 1986), up to MOST_EDITS.
    """
    pairs: list[Pair] = []
    todo = [(0, len(one), 0, len(other))]
    while todo:
        start, end, other_start, other_end = todo.pop()
        while start < end and other_start < other_end and one[start] == other[other_start]:
            pairs.append((start, other_start))
            start, other_start = start + 1, other_start + 1
        while start < end and other_start < other_end and one[end - 1] == other[other_end - 1]:
            end, other_end = end - 1, other_end - 1
            pairs.append((end, other_end))
        if start == end or other_start == other_end:
            continue
        part, other_part = one[start:end], other[other_start:other_end]
        anchors = _anchors(part, other_part)
        if anchors:
            gaps = gaps_between(anchors, len(part), len(other_part))
            todo += [(start + a, start + b, other_start + c, other_start + d) for a, b, c, d in gaps]
        found = anchors or _fewest_edits(part, other_part)
        pairs += [(start + place, other_start + other_place) for place, other_place in found]
    return sorted(pairs)


def refined(pairs: Sequence[Pair], one: Sequence[Hashable], other: Sequence[Hashable]) -> list[Pair]:
    """Return ascending pairs, and those of equal items in the gaps between them."""
    found = list(pairs)
    for start, end, other_start, other_end in gaps_between(pairs, len(one), len(other)):
        within = aligned(one[start:end], other[other_start:other_end])
        found += [(start + place, other_start + other_place) for place, other_place in within]
    return sorted(found)


def gaps_between(pairs: Sequence[Pair], length: int, other_length: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the (start, end) of both sequences before, between and behind ascending pairs; none that is empty."""
    start = other_start = 0
    for place, other_place in [*pairs, (length, other_length)]:
        if start < place or other_start < other_place:
            yield start, place, other_start, other_place
        start, other_start = place + 1, other_place + 1


def by_occurrence(one: Sequence[Hashable], other: Sequence[Hashable]) -> list[Pair]:
    """Return the n-th occurrence of each item with the n-th of the other sequence, in the order of the first."""
    places: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for place, item in enumerate(other):
        places[item].append(place)
    return [(place, places[item].popleft()) for place, item in enumerate(one) if places.get(item)]


def _anchors(one: Sequence[Hashable], other: Sequence[Hashable]) -> list[Pair]:
    counts, other_counts = Counter(one), Counter(other)
    places = {item: place for place, item in enumerate(other)}
    unique = [
        (place, places[item]) for place, item in enumerate(one) if counts[item] == 1 and other_counts.get(item) == 1
    ]
    return _longest_ascending(unique)


def _longest_ascending(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the longest part of pairs that ascend in their first place, which ascends in the second too."""
    smallest_ends: list[int] = []  # by length of a chain, less one
    last: list[int] = []  # the pair that such a chain ends with
    before: list[int] = []  # by pair: the one before it in its chain
    for place, (_, other_place) in enumerate(pairs):
        length = bisect_left(smallest_ends, other_place)
        before.append(last[length - 1] if length else -1)
        smallest_ends[length : length + 1] = [other_place]
        last[length : length + 1] = [place]
    chain: list[Pair] = []
    place = last[-1] if last else -1
    while place >= 0:
        chain.append(pairs[place])
        place = before[place]
    return chain[::-1]


def _fewest_edits(one: Sequence[Hashable], other: Sequence[Hashable]) -> list[Pair]:
    """Walk forward with ever more edits; what needs too many is matched by occurrence."""
    furthest = {1: 0}  # by diagonal, place less other place: the largest place reached on it
    history: list[dict[int, int]] = []
    for edits in range(min(MOST_EDITS, len(one) + len(other)) + 1):
        history.append(furthest.copy())
        for diagonal in range(-edits, edits + 1, 2):
            place = furthest[diagonal + 1] if _is_down(furthest, diagonal, edits) else furthest[diagonal - 1] + 1
            while place < len(one) and place - diagonal < len(other) and one[place] == other[place - diagonal]:
                place += 1
            furthest[diagonal] = place
            if place >= len(one) and place - diagonal >= len(other):
                return _way_back(history, place, place - diagonal)
    return _longest_ascending(by_occurrence(one, other))


def _way_back(history: Sequence[dict[int, int]], place: int, other_place: int) -> list[Pair]:
    pairs: list[Pair] = []
    for edits in range(len(history) - 1, 0, -1):
        furthest, diagonal = history[edits], place - other_place
        is_down = _is_down(furthest, diagonal, edits)
        before = diagonal + 1 if is_down else diagonal - 1
        begin = furthest[before] if is_down else furthest[before] + 1
        pairs += [(at, at - diagonal) for at in range(place - 1, begin - 1, -1)]
        place, other_place = furthest[before], furthest[before] - before
    pairs += [(at, at) for at in range(place - 1, -1, -1)]
    return pairs[::-1]


def _is_down(furthest: dict[int, int], diagonal: int, edits: int) -> bool:
    """Tell whether a diagonal is reached from the one above: by an item of the other sequence alone."""
    return diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])
