"""Align the actions of two runs.

Siblings are aligned with siblings: actions that one parent made, level by level, so that one agent that works beside
four others is compared with itself. Among siblings it takes, one after the other and each in the gaps that are left:
actions that are equal; those with the same inputs; those with the same inputs in another order; those of the same
name, call site and task; and what then is left of a gap, one for one, under different names. What is left in the end
is looked for under other parents.
"""

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias, TypeVar

from titan.insight.replay.recorded_action import Body, RecordedAction

# --- Which items of one sequence are which of another ---


#: Places of equal items in the two sequences.
Pair: TypeAlias = tuple[int, int]

MOST_EDITS: Final = 256  # 33,000 steps of Myers, 20 ms; a gap that differs in more is matched by occurrence


def aligned(one: Sequence[Hashable], other: Sequence[Hashable]) -> list[Pair]:
    """Return pairs of equal items, ascending in both sequences; each item is in at most one pair.

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
    """Yield the (start, end) of non-empty gaps in both sequences before, between and after ascending pairs."""
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
    """Return the longest subsequence of pairs that ascends in both places; they ascend in the first."""
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
    """Return the pairs with the fewest edits (Myers); sequences that need too many are matched by occurrence."""
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
    """Return whether a diagonal is reached from the one above, by an item of the other sequence."""
    return diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])


T = TypeVar("T")

#: What two actions must have in common to be one: name, call site, task, whether they are calls.
Key: TypeAlias = tuple[str, str | None, str | None, bool]
#: By the place of an action of the original its counterpart in the replay, and whether it was found in another order.
Matches: TypeAlias = dict[int, tuple[int, bool]]

_ROOT: Final = None
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedPair:
    """An action of both runs, or of one alone."""

    original: RecordedAction | None
    replay: RecordedAction | None
    is_moved: bool = False  #: it was made in another order
    is_concurrent: bool = False  #: it overlapped with siblings, so their order is arbitrary

    def both(self, part: Callable[[RecordedAction], T | None]) -> tuple[T | None, T | None]:
        """Return a part of the original and of the replay, None for a missing action."""
        original, replay = self.original, self.replay
        return None if original is None else part(original), None if replay is None else part(replay)


def align(original: Sequence[RecordedAction], replay: Sequence[RecordedAction]) -> list[AlignedPair]:
    """Return all actions of two runs, each once, in the order of the original; both are given as they started.

    An action of the replay alone stands behind the one that it follows in the replay.
    """
    keys, other_keys = _keys(original, replay), _keys(replay, original)
    matcher = _Matcher(original, replay, keys, other_keys)
    matches = matcher.matches()
    concurrent, other_concurrent = _concurrent(original), _concurrent(replay)
    placed: list[tuple[tuple[int, int], AlignedPair]] = []
    for place, action in enumerate(original):
        other_place, is_moved = matches.get(place, (None, False))
        is_concurrent = place in concurrent or (other_place is not None and other_place in other_concurrent)
        counterpart = None if other_place is None else replay[other_place]
        pair = AlignedPair(original=action, replay=counterpart, is_moved=is_moved, is_concurrent=is_concurrent)
        placed.append(((place, -1), pair))
    by_other = {other_place: place for place, (other_place, _) in matches.items()}
    behind = -1
    for other_place, action in enumerate(replay):
        behind = by_other.get(other_place, behind)
        if other_place not in by_other:
            placed.append(((behind, other_place), AlignedPair(original=None, replay=action)))
    return [pair for _, pair in sorted(placed, key=lambda one: one[0])]


def _keys(actions: Sequence[RecordedAction], others: Sequence[RecordedAction]) -> list[Key]:
    """Return the key of each action; call sites and tasks count for names whose actions all have one."""
    without_site = {action.name for run in (actions, others) for action in run if action.call_site is None}
    without_task = {action.name for run in (actions, others) for action in run if action.task is None}
    return [
        (
            action.name,
            None if action.name in without_site else action.call_site,
            None if action.name in without_task else action.task,
            action.is_call,
        )
        for action in actions
    ]


class _Matcher:
    """Matches the actions of two runs, by their places."""

    def __init__(
        self,
        original: Sequence[RecordedAction],
        replay: Sequence[RecordedAction],
        keys: Sequence[Key],
        other_keys: Sequence[Key],
    ) -> None:
        self._original, self._replay = original, replay
        self._keys, self._other_keys = keys, other_keys
        self._matches: Matches = {}

    def matches(self) -> Matches:
        children, other_children = _children(self._original), _children(self._replay)
        todo: list[tuple[str | None, str | None]] = [(_ROOT, _ROOT)]
        while todo:
            parent, other_parent = todo.pop()
            places, other_places = children[parent], other_children[other_parent]
            self._match(places, other_places, matches_names=True)
            found = (place for place in places if place in self._matches)
            pairs = ((self._original[place].id, self._replay[self._matches[place][0]].id) for place in found)
            todo += [(one, other) for one, other in pairs if one in children and other in other_children]
        taken = {other_place for other_place, _ in self._matches.values()}
        left = [place for place in range(len(self._original)) if place not in self._matches]
        other_left = [place for place in range(len(self._replay)) if place not in taken]
        self._match(left, other_left, matches_names=False)
        return self._matches

    def _match(self, places: Sequence[int], other_places: Sequence[int], *, matches_names: bool) -> None:
        """Match actions of one run with actions of the other."""
        strong = [(self._keys[place], _digest(self._original[place].inputs)) for place in places]
        other_strong = [(self._other_keys[place], _digest(self._replay[place].inputs)) for place in other_places]
        equal = [(*key, _digest(self._original[place].outputs)) for key, place in zip(strong, places, strict=True)]
        other_equal = [
            (*key, _digest(self._replay[place].outputs)) for key, place in zip(other_strong, other_places, strict=True)
        ]
        anchors = refined(aligned(equal, other_equal), strong, other_strong)
        self._note(places, other_places, anchors)
        left, other_left = _left(anchors, len(places), len(other_places))
        moved = by_occurrence([strong[at] for at in left], [other_strong[at] for at in other_left])
        moves = [(left[at], other_left[other_at]) for at, other_at in moved]
        self._note(places, other_places, moves, is_moved=True)
        gone, other_gone = {at for at, _ in moves}, {at for _, at in moves}
        for start, end, other_start, other_end in gaps_between(anchors, len(places), len(other_places)):
            gap = [places[at] for at in range(start, end) if at not in gone]
            other_gap = [other_places[at] for at in range(other_start, other_end) if at not in other_gone]
            self._match_gap(gap, other_gap, matches_names=matches_names)

    def _match_gap(self, gap: Sequence[int], other_gap: Sequence[int], *, matches_names: bool) -> None:
        weak = aligned([self._keys[place] for place in gap], [self._other_keys[place] for place in other_gap])
        self._note(gap, other_gap, weak)
        if not matches_names:
            return
        for start, end, other_start, other_end in gaps_between(weak, len(gap), len(other_gap)):
            pairs = zip(gap[start:end], other_gap[other_start:other_end], strict=False)
            self._matches |= {
                place: (other, False)
                for place, other in pairs
                if self._original[place].is_call == self._replay[other].is_call
            }

    def _note(
        self, places: Sequence[int], other_places: Sequence[int], pairs: Iterable[Pair], *, is_moved: bool = False
    ) -> None:
        self._matches |= {places[at]: (other_places[other_at], is_moved) for at, other_at in pairs}


def _digest(body: Body | None) -> bytes | None:
    return None if body is None else body.digest


def _left(pairs: Iterable[Pair], length: int, other_length: int) -> tuple[list[int], list[int]]:
    """Return the places of both sequences that are in no pair."""
    places, other_places = set(range(length)), set(range(other_length))
    for place, other_place in pairs:
        places.discard(place)
        other_places.discard(other_place)
    return sorted(places), sorted(other_places)


def _children(actions: Sequence[RecordedAction]) -> defaultdict[str | None, list[int]]:
    """Return the places of actions by the id of their parent; ROOT for those whose parent was not recorded."""
    places: defaultdict[str | None, list[int]] = defaultdict(list)
    ids = {action.id for action in actions}
    for place, action in enumerate(actions):
        places[action.parent_id if action.parent_id in ids else _ROOT].append(place)
    return places


def _concurrent(actions: Sequence[RecordedAction]) -> set[int]:
    """Return the places of actions that overlapped in time with a sibling."""
    found: set[int] = set()
    ends = [action.ended_at or _NEVER for action in actions]
    for first, *others in _children(actions).values():
        latest = first  # the sibling that ended last so far
        for place in others:
            if ends[latest] > actions[place].started_at:
                found |= {latest, place}
            latest = max(latest, place, key=ends.__getitem__)
    return found
