"""Trees of spans as careless instrumentations send them, from a seed: costs, tokens and answers in any of them.

Without our endpoint's calls: in one case their order matters (`titan.rules.past_steps`).
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from msgspec.structs import replace

from tests.support.recorded import a_call
from titan.model.actions import ActionEntry, ActionKind, ModelUse, Source

_KINDS: Final = (ActionKind.MODEL, ActionKind.MODEL, ActionKind.MODEL, ActionKind.TOOL, ActionKind.AGENT)


def a_tree(rnd: Random, *, run_id: str, has_steps: bool) -> list[ActionEntry]:
    """Return a tree of two to nine spans, each made within the time of the one around it."""
    times: list[tuple[int, int]] = []
    spans: list[ActionEntry] = []
    for place in range(rnd.randint(2, 9)):
        parent = rnd.randrange(place) if place else None
        since, until = times[parent] if parent is not None else (0, 1000)
        begins = rnd.randint(since, (since + until) // 2) if place else 0
        times.append((begins, rnd.randint(begins, until) if place else 1000))
        spans.append(_a_span(rnd, place, parent, times[-1], run_id=run_id, has_steps=has_steps))
    return spans


def with_beginnings(rnd: Random, spans: Sequence[ActionEntry]) -> list[ActionEntry]:
    """Return spans, and of about half of them also the word that they began."""
    begun = [replace(span, ended_at=None, outcome=None, failure=None, use=None, cost=None) for span in spans]
    return [*spans, *(replace(span, is_cost_estimated=False) for span in begun if rnd.random() < 0.5)]


def in_batches(rnd: Random, spans: Sequence[ActionEntry]) -> list[list[ActionEntry]]:
    """Return spans in some order and in one to four requests, and sometimes some of them again."""
    batches: list[list[ActionEntry]] = [[] for _ in range(rnd.randint(1, 4))]
    for span in rnd.sample(spans, len(spans)):
        rnd.choice(batches).append(span)
    if rnd.random() < 0.3:
        batches.append(rnd.sample(spans, len(spans) // 2))
    return [batch for batch in batches if batch]


def _a_span(
    rnd: Random, place: int, parent: int | None, times: tuple[int, int], *, run_id: str, has_steps: bool
) -> ActionEntry:
    kind = rnd.choice((*_KINDS, ActionKind.STEP, ActionKind.STEP) if has_steps else _KINDS)
    use, cost, is_estimated = None, None, False
    if kind is ActionKind.MODEL:
        use = _a_use(rnd, place)
        is_estimated = use.model == "priced" and use.input_tokens is not None
        cost = str((use.input_tokens or 0) + (use.output_tokens or 0)) if is_estimated else None
        if rnd.random() < 0.3:
            cost, is_estimated = rnd.choice(["1000", "2000", "3000"]), False
    return a_call(
        f"s{place}",
        run_id=run_id,
        source=Source.OTLP,
        kind=kind,
        name="chat",
        begins=times[0],
        ends=times[1],
        cost=cost,
        is_cost_estimated=is_estimated,
        use=use,
        parent_id=None if parent is None else f"s{parent}",
        error="no" if rnd.random() < 0.2 else None,
    )


def _a_use(rnd: Random, place: int) -> ModelUse:
    tokens = rnd.choice([(10, 5), (10, 7), (20, 5), (20, 7)]) if rnd.random() < 0.6 else (None, None)
    answer = rnd.choice(["r1", "r2", "r3", f"u{place}"]) if rnd.random() < 0.4 else None
    model = rnd.choice(["priced", "priced", "other"])
    return ModelUse(model=model, input_tokens=tokens[0], output_tokens=tokens[1], response_id=answer)
