"""No secret that an agent's texts hold reaches a file of the home: each kind is sent through each entrance, and then
looked for byte by byte, while the server runs and after it has ended."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.raw_http import Answer, ask
from tests.support.running_titan import running_titan
from tests.support.secrets import discord_token, made, sentry_token
from tests.support.telemetry import STARTED_NS, a_request, a_span

RANDOM: Final = random.Random(16)
HEX: Final = "0123456789abcdef"
ENDED_NS: Final = STARTED_NS + 5

#: Sends a text in every field for texts of an entrance, as a part of a run of its own.
Tell = Callable[[int, str], Answer]


class Kind(NamedTuple):
    """A kind of secret, and texts in which `{}` stands for one."""

    make: Callable[[], str]
    texts: tuple[str, ...]


def a_card() -> str:
    digits = [4, *RANDOM.choices(range(10), k=14)]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[::2]]
    return "".join(map(str, [*digits, -(sum(doubled) + sum(digits[1::2])) % 10]))


def a_grouped_card() -> str:
    card = a_card()
    return " ".join(card[start : start + 4] for start in range(0, 16, 4))


IN_PROSE: Final = ("The deploy used {} and failed", "It is {}.", '{"said": "token {}"}')
KINDS: Final = {
    "card": Kind(a_card, ("my card is {}.", "{}. Thanks", "card={}", "{}-visa", '{"q": "card={}."}')),
    "grouped card": Kind(a_grouped_card, ("my card is {}.", '{"q": "it is {}. Thanks"}')),
    "Vault service": Kind(lambda: made("hvs.CAESI", 90), IN_PROSE),
    "Vault root": Kind(lambda: made("hvs.", 24), IN_PROSE),
    "Vault batch": Kind(lambda: made("hvb.AAAAAQ", 140), IN_PROSE),
    "Vault recovery": Kind(lambda: made("hvr.", 24), IN_PROSE),
    "Databricks": Kind(lambda: made("dapi", 32, HEX), IN_PROSE),
    "Databricks, numbered": Kind(lambda: made("dapi", 32, HEX) + "-3", IN_PROSE),
    "Figma": Kind(lambda: made("figd_", 40), IN_PROSE),
    "Sentry user": Kind(lambda: made("sntryu_", 64, HEX), IN_PROSE),
    "Sentry organisation": Kind(sentry_token, IN_PROSE),
    "Discord": Kind(lambda: discord_token(RANDOM.randrange(10**17, 10**19)), IN_PROSE),
    "repeated": Kind(
        lambda: made("zQ8-", 24),
        (
            'openai.api_key = "{}"\nValueError: bad key {}, {}!',
            "401 for key {}\nretry with API_KEY={}",
            '{"headers": {"Authorization": "Bearer {}"}, "answer": "unknown: {}"}',
            '{"answer": "unknown: {}", "config": {"password": "{}"}}',
        ),
    ),
}


def new_id(size: int) -> str:
    return RANDOM.randbytes(size).hex()


def by_actions(port: int, text: str) -> Answer:
    failure = {"type": "ValueError", "message": text, "traceback": text}
    times = {"started_at_ns": STARTED_NS, "ended_at_ns": ENDED_NS}
    action = {"type": "action", "id": new_id(8), "name": "work", **times, "failure": failure}
    entries = [
        {**action, "inputs": {"q": text}, "outputs": [text], "details": {"note": text}},
        {"type": "run", "at_ns": ENDED_NS, "end": "failed", "reason": text},
    ]
    body = {"run_id": new_id(8), "entries": entries}
    return ask(port, "POST", "/api/v1/actions", json.dumps(body).encode())


def by_agentsentinel(port: int, text: str) -> Answer:
    said = {"inputs": {"q": text}, "outputs": text}
    entry = {"id": new_id(8), "action": "work", "outcome": "error", "error": text, "payload": said}
    body = {"run_id": new_id(8), "entries": [entry]}
    return ask(port, "POST", "/api/v1/ingest", json.dumps(body).encode())


def by_otlp(port: int, text: str) -> Answer:
    attributes = {"input.value": text, "output.value": text, "note": text, "list": [text], "deep": {"note": text}}
    events = [("exception", {"exception.message": text, "exception.stacktrace": text}), ("said", {"note": text})]
    span = a_span(attributes, trace_id=new_id(16), span_id=new_id(8), error=text, events=events)
    body = a_request(span, resource={"note": text})
    headers = {"Content-Type": "application/x-protobuf"}
    return ask(port, "POST", "/v1/traces", body.SerializeToString(), headers)


def by_otlp_json(port: int, text: str) -> Answer:
    said = [{"key": name, "value": {"stringValue": text}} for name in ("input.value", "output.value", "note")]
    ids = {"traceId": new_id(16), "spanId": new_id(8), "name": "work"}
    times = {"startTimeUnixNano": str(STARTED_NS), "endTimeUnixNano": str(ENDED_NS)}
    span = {**ids, **times, "attributes": said, "status": {"code": 2, "message": text}}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    return ask(port, "POST", "/v1/traces", json.dumps(body).encode(), {"Content-Type": "application/json"})


ENTRANCES: Final = (by_actions, by_agentsentinel, by_otlp, by_otlp_json)


def held(home: Path, values: Iterable[str]) -> list[str]:
    """Return those values that stand in a file of a home, or in the server's log."""
    paths = [*home.rglob("*"), home.with_name(f"{home.name}.log")]
    contents = [path.read_bytes() for path in paths if path.is_file()]
    return [value for value in values if any(value.encode() in content for content in contents)]


def test_no_secret_reaches_a_file_of_the_home(tmp_path: Path) -> None:
    planted: dict[str, str] = {}
    innocent = {tell: f"The weather in Graz, {tell.__name__}" for tell in ENTRANCES}

    with running_titan(tmp_path / "home", offers=()) as titan:
        for tell in ENTRANCES:
            assert tell(titan.sdk_port, innocent[tell]).status < 300
            for kind, text in ((kind, text) for kind, (_, texts) in KINDS.items() for text in texts):
                secret = KINDS[kind].make()
                planted[secret] = f"{kind} {tell.__name__}: {text}"
                answer = tell(titan.sdk_port, text.replace("{}", secret))
                assert answer.status < 300, answer.body
        while_it_ran = held(titan.home, planted)

    assert [planted[secret] for secret in while_it_ran] == []
    assert [planted[secret] for secret in held(titan.home, planted)] == []
    assert held(titan.home, innocent.values()) == [*innocent.values()]  # else this would find nothing at all
