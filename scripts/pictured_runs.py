"""The recorded runs that the console's pictures show: a shop's assistant that fails, and a researcher at work."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from titan_sdk import TitanClient
from titan_sdk.tape import encode

RUN: Final = "RESEARCH_cb5e13"  # it has stages, too
FAILED: Final = "SHOP_5d20b7"
SECOND_TRY: Final = "SHOP_91c4e2"
SECOND_NS: Final = 1_000_000_000
DAY: Final = 86_400.0
OPENAI: Final = {"model": "gpt-4o-2024-08-06", "provider": "openai"}
ANTHROPIC: Final = {"model": "claude-3-5-sonnet-20241022", "provider": "anthropic"}
ORDER: Final = {"id": 1077, "items": 3, "carrier": "DPD", "total": "39.90", "email": "ada@example.com"}
TOPICS: Final = ("batteries", "grids", "prices", "policy")


def feed_runs(client: TitanClient) -> None:
    """Tell of every run, through the request that the SDK tells them by."""
    now = time.time()
    for place in range(36):
        began = now - DAY * (14 - place / 2.7)
        tell(client, f"SHOP_{4096 + 37 * place:06x}", "shop-assistant", began, list(answered(place)), ends=True)
    tell(client, FAILED, "shop-assistant", now - 900, list(refund()), ends=True, name="Refund of order 1077")
    tell(
        client, SECOND_TRY, "shop-assistant", now - 420, list(refund(is_mended=True)), ends=True, name="The same, again"
    )
    tell(client, "local-notes-7f1a", "note-taker", now - 3_600, list(unpriced()), ends=True)
    tell(client, RUN, "RESEARCH", now - 95, list(research()))


def tell(
    client: TitanClient,
    run_id: str,
    agent_id: str,
    began: float,
    actions: Sequence[dict[str, Any]],
    *,
    ends: bool = False,
    name: str | None = None,
) -> None:
    """Tell of a run that began then, in seconds since 1970; its actions say how much later each of them was."""
    began_ns = int(began * SECOND_NS)
    told: list[dict[str, Any]] = [{"type": "run", "at_ns": began_ns, "name": name}]
    for action in actions:
        started_ns = began_ns + int(action.pop("at") * SECOND_NS)
        took = action.pop("took")
        ended_ns = None if took is None else started_ns + int(took * SECOND_NS)
        told.append({"type": "action", "started_at_ns": started_ns, "ended_at_ns": ended_ns, **action})
    if ends:
        is_good = all(action["outcome"] != "error" for action in actions)
        last_ns = max(entry.get("ended_at_ns", 0) for entry in told)
        told.append({"type": "run", "at_ns": last_ns, "end": "completed" if is_good else "failed"})
    body = {"run_id": run_id, "agent_id": agent_id, "entries": told}
    client.transport.request_json("POST", "/api/v1/actions", body=body)


def act(
    id: str, name: str, at: float, took: float | None, *, kind: str = "tool", inside: str | None = None, **told: object
) -> dict[str, Any]:
    """Return what is told of one action; times in seconds, those of its beginning after the run's."""
    outcome = None if took is None else "success"
    action = {"id": id, "name": name, "at": at, "took": took, "kind": kind, "parent_id": inside, "outcome": outcome}
    for side in ("inputs", "outputs"):
        if side in told:
            told[side] = json.loads(encode(told[side]))
    return {**action, **told}


def chat(id: str, at: float, took: float | None, inside: str, asked: str, said: str, **use: object) -> dict[str, Any]:
    """Return what is told of a call of a model; its cost follows from its tokens."""
    messages = [
        {"role": "system", "content": "You help a shop's customers. Be brief."},
        {"role": "user", "content": asked},
    ]
    more: dict[str, Any] = {} if took is None else {"outputs": {"role": "assistant", "content": said}}
    return act(id, "chat", at, took, kind="model", inside=inside, inputs={"messages": messages}, use=use, **more)


def answered(place: int) -> Iterator[dict[str, Any]]:
    """Yield what a usual run did; every ninth fails to reach the carrier."""
    length = 1.5 + place % 5
    yield act("agent", "Shop assistant", 0, length + 2, kind="agent")
    yield chat(
        "ask",
        0.1,
        length,
        "agent",
        "Where is my order?",
        "I look it up.",
        **OPENAI,
        input_tokens=700 + 31 * place,
        output_tokens=60,
    )
    if place % 9 == 4:
        failure = {"type": "TimeoutError", "message": "the carrier did not answer within 10 s"}
        yield act("track", "track_parcel", length + 0.2, 1, inside="agent", outcome="error", failure=failure)
    else:
        yield act(
            "track",
            "track_parcel",
            length + 0.2,
            1,
            inside="agent",
            inputs={"order": 1000 + place},
            outputs="on its way",
        )


def refund(*, is_mended: bool = False) -> Iterator[dict[str, Any]]:
    """Yield a run with one of everything: turns, reasoning, a hand-off, and each outcome; or its second try."""
    how: dict[str, Any] = {} if is_mended else {"outcome": "error"}
    asked = "Where is my order 1077? I want my money back."
    yield act("agent", "Triage", 0, 9, kind="agent", inputs=asked, **how)
    yield from first_turn(asked)
    handed = {"to": "Pricing", "reason": "what is it worth?"}
    yield act("hand", "Triage → Pricing", 4.5, 0, kind="handoff", inside="agent", inputs=handed)
    yield act("pricing", "Pricing", 4.6, 4.3, kind="agent", inside="agent", **how)
    yield from (priced() if is_mended else not_priced())


def first_turn(asked: str) -> Iterator[dict[str, Any]]:
    """Yield what came before the hand-off: a call that was replayed, and one that a policy stopped."""
    thought = "First the order, then its carrier; a refund needs both."
    yield act("turn", "turn 1", 0.1, 4.3, kind="turn", inside="agent", inputs=asked)
    yield act("why", "thinking", 0.2, 0, kind="thought", inside="turn", outputs=thought)
    yield chat("ask", 0.3, 1.9, "turn", asked, "I look it up.", **OPENAI, input_tokens=812, output_tokens=64)
    found: dict[str, Any] = {"inputs": {"order": 1077}, "outputs": ORDER, "cost_usd": "0.0002", "impact": "read"}
    yield act("find", "find_order", 2.3, 0.42, inside="turn", **found)
    known: dict[str, Any] = {"inputs": ["where is it"], "outcome": "replayed", "cost_usd": "0.00001"}
    yield act("known", "embed", 2.8, 0.1, kind="call", inside="turn", **known)
    stopped: dict[str, Any] = {
        "inputs": {"order": 1077, "usd": "39.90"},
        "outcome": "blocked",
        "cost_usd": "0.50",
        "impact": "high",
        "effect": "external",
        "failure": {"type": "PolicyViolationError", "message": "refunds over $10 need a person"},
    }
    yield act("refund", "refund", 2.9, 0.01, kind="call", inside="turn", **stopped)


def priced() -> Iterator[dict[str, Any]]:
    """Yield how a price was found."""
    yield ask_for_price("39.90")
    yield act("parse", "parse_price", 7.3, 0.002, inside="pricing", inputs={"text": "39.90"}, outputs=39.9)
    sent: dict[str, Any] = {"inputs": {"usd": "39.90"}, "outputs": "sent", "effect": "external"}
    yield act("voucher", "send_voucher", 7.6, 0.9, inside="pricing", **sent)


def not_priced() -> Iterator[dict[str, Any]]:
    """Yield how none was found."""
    yield ask_for_price("nope")
    trace = (
        "Traceback (most recent call last):",
        '  File "pricing.py", line 41, in parse_price',
        "    return Decimal(text)",
        "ValueError: no price: 'nope'",
    )
    failure = {"type": "ValueError", "message": "no price: 'nope'", "traceback": "\n".join(trace)}
    told: dict[str, Any] = {"inputs": {"text": "nope"}, "outcome": "error", "failure": failure}
    yield act("parse", "parse_price", 7.3, 0.002, inside="pricing", **told)


def ask_for_price(said: str) -> dict[str, Any]:
    """Return the call of a model that is asked for a price."""
    use: dict[str, Any] = {**ANTHROPIC, "input_tokens": 2210, "output_tokens": 9}
    return chat("price", 4.8, 2.4, "pricing", "The price of the 3 items?", said, **use)


def unpriced() -> Iterator[dict[str, Any]]:
    """Yield calls of a model that runs here: what they cost nobody knows."""
    for place in range(3):
        yield chat(
            f"note-{place}",
            4.0 * place,
            3,
            "agent",
            "Sum this up.",
            "A short note.",
            model="smollm2-135m",
            provider="local",
            input_tokens=640,
            output_tokens=48,
        )
    yield act("agent", "note-taker", 0, 12, kind="agent")


def research() -> Iterator[dict[str, Any]]:
    """Yield a run at work: a planner that is done, researchers side by side, two of them not yet."""
    yield act("planner", "planner", 0, 6, kind="agent", inputs="How soon will batteries replace gas plants?")
    yield act(
        "headings", "search_headings", 0.3, 0.4, inside="planner", inputs={"query": "batteries"}, outputs=list(TOPICS)
    )
    yield chat(
        "plan",
        0.8,
        4.7,
        "planner",
        "Name the subtopics.",
        ", ".join(TOPICS),
        **OPENAI,
        input_tokens=431,
        output_tokens=88,
    )
    for place, topic in enumerate(TOPICS):
        lasts = 40 + 9 * place if place < 2 else None
        name, at = f"researcher-1-{place}", 7 + 0.3 * place
        yield act(name, name, at, lasts, kind="agent", inputs=topic)
        yield act(
            f"read-{place}",
            "read_corpus",
            at + 0.2,
            1.1,
            inside=name,
            inputs="corpus.jsonl.gz",
            outputs={"passages": 412},
        )
        yield act(
            f"search-{place}",
            "search",
            at + 1.4,
            2.2,
            inside=name,
            inputs={"words": {topic: 2.31}},
            outputs=[f"{topic}.md, line 12"],
        )
        yield chat(
            f"state-{place}",
            at + 4,
            None if lasts is None else lasts - 6,
            name,
            f"State what is known of {topic}.",
            f"{topic} grow cheaper.",
            **OPENAI,
            input_tokens=3120 + 211 * place,
            output_tokens=402,
        )
        if lasts is not None:
            yield act(
                f"publish-{place}",
                "publish_file",
                at + lasts - 1,
                0.3,
                inside=name,
                inputs=f"result_1_{place}.txt",
                effect="external",
            )
