"""Random reports of a run and its calls, and the result that they must have in any order."""

from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.recorded import Memory, PerToken, a_seen, a_span, a_word, at
from titan.model.actions import ActionEntry, ActionKind, AgentSource, Entry, Failure, ModelUse, Outcome, RunEnd, Source
from titan.model.runs import Action


@st.composite
def tellings(draw: st.DrawFn, number: int) -> list[ActionEntry]:
    """Draw what one or two sources say of one call: its beginning, its end or both."""
    begins = draw(st.integers(0, 50)) + number / 10
    ends = begins + draw(st.integers(0, 5))
    how = draw(st.sampled_from([*Outcome, None]))
    joined_by = draw(st.sampled_from(["nothing", "answer", "span"]))
    use = ModelUse(response_id=f"r{number}", input_tokens=number) if joined_by == "answer" else ModelUse(model="m")
    cost = draw(st.sampled_from([None, "0.1", "0.000000000001"]))
    tell = a_span(f"s{number}", begins=begins, ends=ends, outcome=how, use=use, cost=cost)
    if joined_by == "nothing":
        told = [replace(tell, source=Source.SDK, kind=ActionKind.TOOL)]
    else:
        within = tell.id if joined_by == "span" else None
        seen = a_seen(f"e{number}", begins=begins, ends=ends, outcome=how, use=use, cost="0.3", parent_id=within)
        told = [tell, replace(seen, is_cost_estimated=True)]
    if how is Outcome.ERROR:
        told = [replace(entry, failure=Failure(type="E", message="nope")) for entry in told]
    phases = ["end"] if joined_by == "answer" else draw(st.sampled_from([["begin", "end"], ["end"], ["begin"]]))
    begun = [replace(entry, ended_at=None, outcome=None, failure=None) for entry in told if "begin" in phases]
    return begun + [entry for entry in told if "end" in phases]


@st.composite
def nests(draw: st.DrawFn, number: int, *, has_siblings: bool = False) -> list[ActionEntry]:
    """Draw a call that one source tells of two or three times, within one another."""
    answer = draw(st.sampled_from([None, f"n{number}"]))
    depth = draw(st.integers(2, 3))
    told = [
        a_span(
            f"n{number}.{level}",
            begins=level + 0.05 + number / 100,  # no two at once: of those the first error is any
            ends=20 - level,
            parent_id=f"n{number}.{level - 1}" if level else None,
            outcome=draw(st.sampled_from([Outcome.SUCCESS, Outcome.ERROR])),
            use=ModelUse(
                model=draw(st.sampled_from([None, "priced"])),
                input_tokens=draw(st.sampled_from([None, number])),
                cache_read_tokens=draw(st.sampled_from([None, number])),
                response_id=answer,
            ),
            cost=draw(st.sampled_from([None, f"0.{level}"])),
            is_cost_estimated=draw(st.booleans()),
        )
        for level in range(depth)
    ]
    if has_siblings and draw(st.booleans()):
        cost, outcome = draw(st.sampled_from([None, "0.01"])), draw(st.sampled_from([Outcome.SUCCESS, Outcome.ERROR]))
        told.append(
            a_span(
                f"n{number}.b", begins=5.07 + number / 100, ends=6, parent_id=f"n{number}.0", outcome=outcome, cost=cost
            )
        )
    told = [
        _estimated(replace(entry, is_cost_estimated=entry.is_cost_estimated and entry.cost is not None))
        for entry in told
    ]
    use = draw(st.sampled_from([None, ModelUse(), ModelUse(model="priced")]))
    begun = [replace(entry, ended_at=None, outcome=None, use=use, cost=None, is_cost_estimated=False) for entry in told]
    return told + (begun if draw(st.booleans()) else [])


def _estimated(entry: ActionEntry) -> ActionEntry:
    """Return an entry with an estimate of its cost where it says enough for one, as all of them are taken in."""
    cost = None if entry.use is None or entry.cost is not None else PerToken().cost_of(entry.use, at=entry.started_at)
    return entry if cost is None else replace(entry, cost=cost, is_cost_estimated=True)


@st.composite
def some_calls(draw: st.DrawFn) -> list[Entry]:
    """Draw what sources say of a run and its calls."""
    entries: list[Entry] = []
    for number in range(draw(st.integers(1, 4))):
        entries += draw(tellings(number))
    for number in range(draw(st.integers(0, 2))):
        entries += draw(nests(number, has_siblings=True))
    for seconds in draw(st.lists(st.integers(0, 60), max_size=2, unique=True)):
        entries.append(a_word(seconds=seconds, end=draw(st.sampled_from(list(RunEnd)))))
    for seconds in draw(st.lists(st.integers(0, 60), max_size=2, unique=True)):
        word = a_word(seconds=seconds, agent_id=draw(st.sampled_from(["ada", "bob", None])), done=seconds, total=60)
        since = draw(st.sampled_from([None, at(3)]))
        entries.append(replace(word, agent_source=draw(st.sampled_from(AgentSource)), agent_at=since))
    return entries


def plain(memory: Memory) -> tuple[Any, ...]:
    """Return what the order of entries has no part in."""
    run = replace(memory.run, entry_count=0, first_error_id=None)
    return run, sorted(map(_plain_action, memory.all), key=repr)


def _plain_action(action: Action) -> Action:
    # Numbers and the order of sources are as reports came.
    count = replace(action.count, duplicate_of=None)
    return replace(action, number=0, agent_id="", sources=tuple(sorted(action.sources)), count=count)
