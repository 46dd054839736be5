"""How one recorded action looks: its figures, what it was given and gave, and why it failed. Pure but for showing."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from titan.cli.terminal import Status, say
from titan.cli.views.formats import count, duration, in_words, moment, size
from titan.cli.views.preview import cut
from titan.cli.views.runs import Call, cost_word, note_line
from titan.model.actions import ActionKind
from titan.wire.actions import ActionDetailView, ActionView, BodyView, FailureView

#: Of which the tree tells what they say: it is all there is to know of them.
SAYING: Final = frozenset({ActionKind.THOUGHT, ActionKind.HANDOFF, ActionKind.EVENT})


def show_action(detail: ActionDetailView, *, at: datetime) -> None:
    """Write all that is known of one action."""
    action = detail.action
    say("Action ", action.id, f" of {action.run_id}  ", Status(action.outcome or "running"))
    say(" · ".join(_facts(action, at=at)))
    if figures := _figures(detail):
        say(" · ".join(figures))
    for note in detail.notes:
        say(note_line(note, at=at))
    for title, body in (("inputs", detail.bodies.inputs), ("outputs", detail.bodies.outputs)):
        if body is not None:
            _show_body(title, body)
    if detail.bodies.failure is not None:
        _show_failure(detail.bodies.failure)


def said_in(call: Call, body: BodyView | None) -> str:
    """Return what a thought, a hand-off or an event says, on one line; "" for nothing."""
    if body is None:
        return ""
    value = _value(body.text)
    if call.kind is ActionKind.HANDOFF and isinstance(value, Mapping):
        value = value.get("reason") or ""
    text = value if isinstance(value, str) else body.text.removeprefix('"') if value is None else body.text
    return cut(text)


def _facts(action: ActionView, *, at: datetime) -> list[str]:
    took = duration(at - action.started_at) if action.duration_ms is None else in_words(action.duration_ms)
    length = f"{'runs for' if action.outcome is None else 'took'} {took}"
    below = [f"below {action.parent_id}"] if action.parent_id else []
    is_agents = action.actor in (None, action.agent_id)
    who = f"agent {action.agent_id}" if is_agents else f"{action.actor} of {action.agent_id}"
    return [f"{action.kind} {action.name}", who, *below, f"started {moment(action.started_at, now=at)}", length]


def _figures(detail: ActionDetailView) -> list[str]:
    action = detail.action
    figures = []
    if (cost := cost_word(action)) is not None:
        figures.append(f"cost {cost}")
    if action.model:
        figures.append(f"model {action.model}{f' of {action.provider}' if action.provider else ''}")
    if action.input_tokens is not None or action.output_tokens is not None:
        figures.append(_tokens(detail))
    figures += [f"{word} {said}" for word, said in (("impact", action.impact), ("effect", action.effect)) if said]
    if action.tags:
        figures.append(f"tags {', '.join(action.tags)}")
    return figures


def _tokens(detail: ActionDetailView) -> str:
    """Return `1,000 input tokens (400 of them from cache, 50 written to cache), 100 output`."""
    cached = ((detail.cache_read_tokens, "of them from cache"), (detail.cache_write_tokens, "written to cache"))
    said = ", ".join(f"{number:,} {words}" for number, words in cached if number)
    into, out = detail.action.input_tokens or 0, detail.action.output_tokens or 0
    return f"{count(into, 'input token')}{f' ({said})' if said else ''}, {out:,} output"


def _show_body(title: str, body: BodyView) -> None:
    say("")
    say(f"{title}:")
    value = _value(body.text)
    text = body.text if value is None else json.dumps(value, indent=2, ensure_ascii=False)
    for line in text.splitlines():
        say("  ", line)
    if body.cut is not None:
        shown = count(len(body.text.encode("utf-8", "surrogatepass")), "byte")
        say(f"  … {shown} of {size(body.cut.size_bytes)}; the whole: GET {body.cut.url}")


def _show_failure(failure: FailureView) -> None:
    say("")
    say(f"error: {failure.type}{f': {failure.message}' if failure.message else ''}")
    for line in (failure.traceback or "").splitlines():
        say("  ", line)


def _value(text: str) -> object:
    """Return a body's JSON as a value; None for null, and where it was cut or is too deep to be laid out."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value
