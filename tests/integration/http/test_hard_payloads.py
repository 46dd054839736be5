"""Payloads that break careless software: through every entrance they are kept whole, or refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.hard_payloads import CARD, DEEP, HARD, KEY, LARGE_TEXT, LEVELS, NOT_UTF8, PASSWORD
from tests.support.programs import run_program
from tests.support.raw_http import Answer, ask
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.telemetry import STARTED_NS, a_request, a_span
from tests.support.waiting import wait_until
from titan_sdk.tape import decode

#: Sends a payload as what an action gave, or was given; the action is the only one of the run.
Tell = Callable[[int, str, bytes], Answer]
Told = dict[tuple[str, str], Answer]
ENDED_NS: Final = STARTED_NS + 5


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    folder = tmp_path_factory.mktemp("hard")
    script = folder / "answers.json"
    script.write_text(json.dumps([{"contains": "", "answer": "fine", "repeat": True}]))
    with running_titan(folder / "home", offers=(), model=f"scripted:{script}") as titan:
        yield titan


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where another server listens."""
    with running_titan(tmp_path_factory.mktemp("target") / "home", offers=()) as titan:
        yield titan.sdk_port


def to_actions(port: int, run: str, payload: bytes) -> Answer:
    body = b'{"run_id":"%b","entries":[{"type":"action","id":"a","name":"n","started_at_ns":%d,"ended_at_ns":%d,%b}]}'
    told = body % (run.encode(), STARTED_NS, ENDED_NS, b'"outputs":' + payload)
    return ask(port, "POST", "/api/v1/actions", told)


def to_agentsentinel(port: int, run: str, payload: bytes) -> Answer:
    entry = b'{"id":"a","action":"n","outcome":"success","payload":{"inputs":{},"outputs":%b}}' % payload
    return ask(port, "POST", "/api/v1/ingest", b'{"run_id":"%b","entries":[%b]}' % (run.encode(), entry))


def to_openai_agents(port: int, run: str, payload: bytes) -> Answer:
    data = b'{"type":"function","name":"n","input":"","output":%b}' % payload
    times = b'"started_at":"2026-03-01T12:00:00Z","ended_at":"2026-03-01T12:00:01Z"'
    span = b'{"object":"trace.span","id":"a","trace_id":"%b",%b,"span_data":%b}' % (run.encode(), times, data)
    return ask(port, "POST", "/v1/traces/ingest", b'{"data":[%b]}' % span)


def to_otlp_json(port: int, run: str, payload: bytes) -> Answer:
    escaped = payload.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    ids = b'"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00f067aa0ba902b7","name":"n"'
    times = b'"startTimeUnixNano":"%d","endTimeUnixNano":"%d"' % (STARTED_NS, ENDED_NS)
    said = b'{"key":"titan.agent_run_id","value":{"stringValue":"%b"}},' % run.encode()
    said += b'{"key":"output.value","value":{"stringValue":"%b"}}' % escaped
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{%b,%b,"attributes":[%b]}]}]}]}' % (ids, times, said)
    return ask(port, "POST", "/v1/traces", body, {"Content-Type": "application/json"})


def to_otlp_protobuf(port: int, run: str, payload: bytes) -> Answer:
    stand_in = payload.decode("ascii", "replace").replace("\ufffd", "#")  # what is no UTF-8 protobuf does not write
    said = {"titan.agent_run_id": run, "output.value": stand_in}
    body = a_request(a_span(said)).SerializeToString().replace(stand_in.encode(), payload)
    return ask(port, "POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})


def to_model(port: int, run: str, payload: bytes) -> Answer:
    tool = b'{"type":"function","function":{"name":"f","parameters":{"enum":[%b]}}}' % payload
    body = b'{"model":"default","messages":[{"role":"user","content":"?"}],"tools":[%b]}' % tool
    return ask(port, "POST", "/v1/chat/completions", body, {"X-Titan-Run-Id": run})


ENTRANCES: Final[dict[str, Tell]] = {
    "actions": to_actions,
    "agentsentinel": to_agentsentinel,
    "openai-agents": to_openai_agents,
    "otlp-json": to_otlp_json,
    "otlp-protobuf": to_otlp_protobuf,
    "model": to_model,
}
#: They read JSON to the letter; the others take what Python writes, too.
STRICT: Final = {"actions", "model"}


def action_of(port: int, run: str) -> dict[str, Any]:
    """Return everything about the run's one action, which stands there at once or soon."""
    skeleton = f"/api/v1/runs/{run}/skeleton"
    wait_until(lambda: ask(port, "GET", skeleton).value.get("id", []) != [], f"the action of run {run} is recorded")
    [action_id] = ask(port, "GET", skeleton).value["id"]
    action: dict[str, Any] = ask(port, "GET", f"/api/v1/runs/{run}/actions/{action_id}").value
    return action


def stored(port: int, run: str, which: str) -> bytes:
    """Return what is kept of the run's one action, whole."""
    action_id = action_of(port, run)["action"]["id"]
    answer = ask(port, "GET", f"/api/v1/runs/{run}/actions/{action_id}/{which}")
    assert answer.status == 200, answer.body
    return answer.body


@pytest.fixture(scope="module")
def told(hard: RunningTitan) -> dict[tuple[str, str], Answer]:
    """What was answered to each payload, by (entrance, name)."""
    payloads = {name: payload.text for name, payload in HARD.items()} | {"deep": DEEP, "not-utf-8": NOT_UTF8}
    return {
        (entrance, name): tell(hard.sdk_port, f"{entrance}-{name}", text)
        for entrance, tell in ENTRANCES.items()
        for name, text in payloads.items()
    }


def kept(entrance: str, port: int, name: str) -> object:
    """Return the value that a payload has become."""
    whole = decode(stored(port, f"{entrance}-{name}", "inputs" if entrance == "model" else "outputs"))
    if entrance != "model":
        return whole
    assert isinstance(whole, dict)
    return whole["tools"][0]["function"]["parameters"]["enum"][0]


def wait_for_all(port: int, told: Told) -> None:
    """Return when all stands there that was taken; the model endpoint records what it refuses, too."""
    for (entrance, name), answer in told.items():
        if answer.status < 300 or entrance == "model":
            action_of(port, f"{entrance}-{name}")


def facts(export: bytes) -> list[bytes]:
    """Return the lines of an export but for its manifest, in an order of their own."""
    return sorted(line for line in export.splitlines() if not line.startswith(b'{"type":"manifest"'))


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_it_is_kept_whole_or_refused_in_words(hard: RunningTitan, told: Told, entrance: str, name: str) -> None:
    payload, answer = HARD[name], told[entrance, name]

    if entrance in STRICT and not payload.is_json:
        assert answer.refusal[0] == 400
        assert answer.message
    else:
        assert answer.status in (200, 202), answer.body
        assert repr(kept(entrance, hard.sdk_port, name)) == repr(payload.value)  # repr: NaN is not equal to itself


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_deeply_nested_value_is_stored_to_its_last_level(hard: RunningTitan, told: Told, entrance: str) -> None:
    answer = told[entrance, "deep"]

    if entrance in STRICT:
        assert answer.refusal[0] == 400
        assert "recursion" in answer.message
    else:
        assert answer.status in (200, 202), answer.body
        whole = stored(hard.sdk_port, f"{entrance}-deep", "outputs")
        assert (whole.count(b"["), whole.count(b"]")) == (LEVELS, LEVELS)


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_invalid_utf_8_is_refused_or_shown_at_its_place(hard: RunningTitan, told: Told, entrance: str) -> None:
    answer = told[entrance, "not-utf-8"]

    if entrance.startswith("otlp"):
        assert answer.status == 200
        assert b"caf" in stored(hard.sdk_port, f"{entrance}-not-utf-8", "outputs")
    else:
        assert answer.refusal[0] == 400
        assert "utf-8" in answer.message.lower()


def test_bytes_of_otlp_are_kept_as_bytes_without_the_secrets_in_them(hard: RunningTitan) -> None:
    image = bytes(range(256)) * 4
    for run, content in (("bytes-image", image), ("bytes-text", f"the key is {KEY}".encode())):
        said = {"titan.agent_run_id": run, "output.value": content}
        body = a_request(a_span(said)).SerializeToString()
        assert ask(hard.sdk_port, "POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"}).status == 200

    assert decode(stored(hard.sdk_port, "bytes-image", "outputs")) == image
    assert decode(stored(hard.sdk_port, "bytes-text", "outputs")) == b"the key is [redacted:aws_key_id]"


PROGRAM: Final = f"""
import titan_sdk
from titan_sdk import action

deep = []
for _ in range({LEVELS}):
    deep = [deep]
around = {{}}
around["self"] = around
values = {{
    "large": "word " * 300_000,
    "bytes": bytes(range(256)),
    "key": b"the key is {KEY}",
    "nan": [float("nan"), float("inf")],
    "half-pair": "a\\ud800b",
    "secrets": {{"password": "{PASSWORD}", "said": "{CARD}"}},
    "empty": "",
    "keys": {{number: number for number in range(10_000)}},
    "deep": deep,
    "around": around,
}}
for name, value in values.items():
    with titan_sdk.run(agent_id="hard", run_id=f"sdk-{{name}}"), action(name) as act:
        act.set_output(value)
titan_sdk.flush(60)  # an exit alone waits 2 s, which a busy server may need for these
"""


def test_the_sdk_reports_all_of_them(hard: RunningTitan, tmp_path: Path) -> None:
    script = tmp_path / "agent.py"
    script.write_text(PROGRAM)
    run_program(script, cwd=tmp_path, env={"HOME": str(tmp_path), **hard.environment})

    def value(name: str) -> object:
        return decode(stored(hard.sdk_port, f"sdk-{name}", "outputs"))

    assert value("large") == LARGE_TEXT
    assert value("bytes") == bytes(range(256))
    assert value("key") == b"the key is [redacted:aws_key_id]"
    assert repr(value("nan")) == "[nan, inf]"
    assert value("half-pair") == "a\ud800b"
    assert value("secrets") == {"password": "[redacted:password]", "said": "[redacted:card]"}
    assert value("empty") == ""
    assert value("keys") == {number: number for number in range(10_000)}
    assert b'"$cut"' in stored(hard.sdk_port, "sdk-deep", "outputs")
    assert b'"$cut"' in stored(hard.sdk_port, "sdk-around", "outputs")


def test_all_of_it_is_exported_and_imported_the_same(hard: RunningTitan, told: Told, target: int) -> None:
    wait_for_all(hard.sdk_port, told)
    export = "/api/v1/runs/export?window=all&format="

    content = ask(hard.sdk_port, "GET", f"{export}jsonl").body
    imported = ask(target, "POST", "/api/v1/import", content)

    assert imported.status == 200, imported.body
    assert facts(ask(target, "GET", f"{export}jsonl").body) == facts(content)
    assert len(facts(content)) > 2 * len(ENTRANCES) * len(HARD) - 10  # runs and actions, but for what was refused
    assert json.loads(ask(hard.sdk_port, "GET", f"{export}json").body)["counts"]["runs"] == imported.value["runs"]
    for secret in (CARD, KEY, PASSWORD):
        assert secret.encode() not in content


def test_a_word_at_the_end_of_a_large_one_is_found(hard: RunningTitan) -> None:
    for entrance in ("actions", "agentsentinel", "openai-agents", "otlp-json", "otlp-protobuf", "model"):
        text = json.dumps({"text": f"{LARGE_TEXT} zebrafish-{entrance}"}).encode()
        assert ENTRANCES[entrance](hard.sdk_port, f"{entrance}-words", text).status in (200, 202)
        action_of(hard.sdk_port, f"{entrance}-words")

    found = ask(hard.sdk_port, "GET", "/api/v1/ledger?search=zebrafish").value["data"]
    within = ask(hard.sdk_port, "GET", "/api/v1/runs/otlp-json-words/find?q=zebrafish%20json").value["ids"]

    assert {call["run_id"] for call in found} >= {"actions-words", "agentsentinel-words", "model-words"}
    assert len(within) == 1


def test_no_secret_lies_in_the_files(hard: RunningTitan, told: Told) -> None:
    wait_for_all(hard.sdk_port, told)

    found = [
        path.name
        for path in hard.home.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in (CARD, KEY, PASSWORD))
    ]

    assert found == []
