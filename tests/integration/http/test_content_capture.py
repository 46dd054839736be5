"""A project whose content capture is off has none on any disk, whoever reports its runs and wherever."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs

from tests.support.call_stores import every_row_in
from tests.support.postgres import a_database
from tests.support.raw_http import Answer, ask, ask_json, given
from tests.support.replayed import AT_NS, a_call, record, report_a_replay
from tests.support.running_titan import Two, running_titan
from tests.support.submissions import a_name
from tests.support.telemetry import STARTED_NS, a_record, a_request, a_span
from tests.support.waiting import wait_until
from titan.recorder.preprocess import LARGE_BYTES
from titan.store.postgres.address import Address

CANARY: Final = "zebracrossing"
HEADER: Final = {"X-Titan-Project": "Finance"}
PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}
JSON: Final = {"Content-Type": "application/json"}
LONG: Final = f"{CANARY} " * LARGE_BYTES  # 14 times as long as what becomes content of its own

#: Tells of a call with CANARY in its bodies, in a run of this name; the headers say the project.
Tell = Callable[[int, str, Mapping[str, str]], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server, and all that stands on its disks."""

    port: int
    everything: Callable[[], bytes]


def files_in(folder: Path) -> bytes:
    """Return the bytes of all files of a home; one that goes meanwhile has none any more."""
    found: list[bytes] = []
    for path in folder.rglob("*"):
        try:
            found += [path.read_bytes()] if path.is_file() else []
        except FileNotFoundError:
            continue
    return b"\n".join(found)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that stores no content of the projects finance and hr."""
    folder = tmp_path_factory.mktemp("projects")
    script = folder / "answers.json"
    script.write_text(json.dumps([{"contains": "", "answer": f"{CANARY}, I think", "repeat": True}]))
    with ExitStack() as opened:
        url = opened.enter_context(a_database()) if request.param == "postgres" else None
        titan = opened.enter_context(
            running_titan(
                folder / "home",
                offers=(),
                model=f"scripted:{script}",
                environment={"TITAN_RECORD_NO_BODIES_OF": "finance, hr, Crème Brûlée"},
                store=url,
                shared=None if url is None else folder / "home",
            )
        )

        def everything() -> bytes:
            return files_in(folder / "home") + (b"" if url is None else every_row_in(Address(url)))

        yield Server(port=titan.sdk_port, everything=everything)


def to_actions(port: int, run: str, headers: Mapping[str, str]) -> Answer:
    failed = {"type": "ValueError", "message": "no", "traceback": CANARY}
    details = {"exception": {"args": [CANARY]}, "task_id": "t1"}
    call = a_call("a", inputs={"q": CANARY}, outputs=LONG, outcome="error", failure=failed, details=details)
    word = {"type": "run", "at_ns": AT_NS, "end": "failed", "details": {"traceback": CANARY}}
    return ask_json(port, "POST", "/api/v1/actions", {"run_id": run, "entries": [call, word]}, headers)


def to_agentsentinel(port: int, run: str, headers: Mapping[str, str]) -> Answer:
    payload = {"inputs": {"q": CANARY}, "outputs": LONG}
    entry = {"id": "a", "action": "look", "outcome": "success", "payload": payload}
    return ask_json(port, "POST", "/api/v1/ingest", {"run_id": run, "entries": [entry]}, headers)


def to_openai_agents(port: int, run: str, headers: Mapping[str, str]) -> Answer:
    times = {"started_at": "2026-03-01T12:00:00Z", "ended_at": "2026-03-01T12:00:01Z"}
    data = {"type": "function", "name": "look", "input": CANARY, "output": LONG}
    span = {"object": "trace.span", "id": "a", "trace_id": run, **times, "span_data": data}
    return ask_json(port, "POST", "/v1/traces/ingest", {"data": [span]}, headers)


def said_by_a_span(run: str, length: int = 1) -> dict[str, object]:
    asked = {"titan.agent_run_id": run, "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}
    return {**asked, "input.value": CANARY, "output.value": LONG[: length * len(CANARY)], "my.prompt": CANARY}


def to_otlp(port: int, run: str, headers: Mapping[str, str], *, path: str = "/v1/traces", length: int = 1) -> Answer:
    failed = a_span(said_by_a_span(run, length), error="no", events=[("exception", {"exception.stacktrace": CANARY})])
    request = a_request(failed, resource={"my.secret": CANARY})
    return ask(port, "POST", path, request.SerializeToString(), {**PROTOBUF, **headers})


def to_langfuse(port: int, run: str, headers: Mapping[str, str]) -> Answer:
    return to_otlp(port, run, headers, path="/api/public/otel/v1/traces")


def to_otlp_at_length(port: int, run: str, headers: Mapping[str, str]) -> Answer:
    """Send more than the server reads itself, until a process has been there to read it: it starts with the first."""
    answers = [to_otlp(port, run, headers, length=LARGE_BYTES) for _ in range(12)]
    return next((answer for answer in answers if answer.status != 200), answers[-1])


def to_otlp_json(port: int, run: str, headers: Mapping[str, str]) -> Answer:
    said = [{"key": key, "value": {"stringValue": value}} for key, value in said_by_a_span(run).items()]
    ids = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7", "name": "look"}
    times = {"startTimeUnixNano": str(STARTED_NS), "endTimeUnixNano": str(STARTED_NS + 5)}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [{**ids, **times, "attributes": said}]}]}]}
    return ask_json(port, "POST", "/v1/traces", body, {**JSON, **headers})


def to_logs(port: int, run: str, headers: Mapping[str, str]) -> Answer:
    records = [
        a_record(name, {"content": CANARY}, {"titan.agent_run_id": run})
        for name in ("gen_ai.user.message", "app.started")
    ]
    body = ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])])
    return ask(port, "POST", "/v1/logs", body.SerializeToString(), {**PROTOBUF, **headers})


def to_model(port: int, run: str, headers: Mapping[str, str]) -> Answer:
    body = {"model": "default", "messages": [{"role": "user", "content": LONG}]}
    return ask_json(port, "POST", "/v1/chat/completions", body, {"X-Titan-Run-Id": run, **headers})


ENTRANCES: Final[dict[str, Tell]] = {
    "actions": to_actions,
    "agentsentinel": to_agentsentinel,
    "openai-agents": to_openai_agents,
    "otlp": to_otlp,
    "otlp-json": to_otlp_json,
    "otlp-at-length": to_otlp_at_length,
    "langfuse": to_langfuse,
    "logs": to_logs,
    "model": to_model,
}


def actions_in(port: int, run: str, project: str = "Finance") -> list[dict[str, Any]]:
    """Return everything about the actions of a run, which are there at once or soon."""
    of = f"?project={quote(project)}"
    skeleton = f"/api/v1/runs/{run}/skeleton{of}"
    wait_until(lambda: ask(port, "GET", skeleton).value.get("id", []) != [], f"an action of run {run}")
    ids = ask(port, "GET", skeleton).value["id"]
    return [given(port, f"/api/v1/runs/{run}/actions/{quote(action_id, safe='')}{of}") for action_id in ids]


def chain_of(port: int, run: str) -> dict[str, Any]:
    chain: dict[str, Any] = given(port, f"/api/v1/runs/{run}/chain?project=Finance")
    return chain


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_request_to_a_project_without_content_capture_stores_no_byte_of_content(
    server: Server, entrance: str
) -> None:
    run = a_name(entrance)

    told = ENTRANCES[entrance](server.port, run, HEADER)

    assert told.status in (200, 202), told.body
    for action in actions_in(server.port, run):
        assert (action["bodies"]["inputs"], action["bodies"]["outputs"]) == (None, None)
    assert CANARY.encode() not in server.everything()
    assert chain_of(server.port, run)["broken"] is None


def test_another_project_at_the_same_server_keeps_its_own(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=(), environment={"TITAN_RECORD_NO_BODIES_OF": "finance"}) as titan:
        to_actions(titan.sdk_port, "one", {"X-Titan-Project": "shop"})
        to_actions(titan.sdk_port, "one", {})

        kept = [actions_in(titan.sdk_port, "one", of)[0]["bodies"]["inputs"]["text"] for of in ("shop", "default")]

        assert [CANARY in text for text in kept] == [True, True]
        assert given(titan.sdk_port, "/api/v1/projects")["data"] == [
            {"name": "default", "keeps_content": True},
            {"name": "finance", "keeps_content": False},
            {"name": "shop", "keeps_content": True},
        ]


def test_an_entry_names_its_project_itself_and_a_resource_that_of_its_spans(server: Server) -> None:
    runs = [a_name("own"), a_name("word"), a_name("resource")]
    record(server.port, runs[0], a_call("a", inputs=CANARY, project="hr"))
    word = {"type": "run", "at_ns": AT_NS, "project": "hr"}
    record(server.port, runs[1], word, a_call("a", inputs=CANARY, project="hr"))
    body = a_request(a_span(said_by_a_span(runs[2])), resource={"titan.project": "hr"}).SerializeToString()
    assert ask(server.port, "POST", "/v1/traces", body, PROTOBUF).status == 200

    assert [len(actions_in(server.port, run, "hr")) for run in runs] == [1, 1, 1]
    assert [ask(server.port, "GET", f"/api/v1/runs/{run}").status for run in runs] == [404, 404, 404]
    assert CANARY.encode() not in server.everything()


def test_the_capture_decision_of_a_begun_run_holds_after_the_setting_has_changed(tmp_path: Path) -> None:
    home, off = tmp_path / "home", {"TITAN_RECORD_NO_BODIES_OF": "finance"}
    finance = {"X-Titan-Project": "finance"}
    with running_titan(home, offers=(), environment=off) as titan:
        to_agentsentinel(titan.sdk_port, "began-off", finance)
    with running_titan(home, offers=()) as titan:
        to_actions(titan.sdk_port, "began-off", finance)
        to_agentsentinel(titan.sdk_port, "began-on", finance)
    with running_titan(home, offers=(), environment=off) as titan:
        to_otlp(titan.sdk_port, "began-on", finance)

        found = {
            run: [action["bodies"]["inputs"] is not None for action in actions_in(titan.sdk_port, run, "finance")]
            for run in ("began-off", "began-on")
        }

    assert found == {"began-off": [False], "began-on": [True, True]}


def test_an_intervention_and_a_replay_keep_no_content_either(server: Server) -> None:
    run = a_name("guarded")
    told = {"run_id": run, "intervention_type": "block", "action_name": "look", "outcome": "blocked"}
    asked = {**told, "timestamp": "2026-03-01T12:00:00Z", "original_inputs": {"q": CANARY}}
    answer = ask_json(server.port, "POST", "/api/v1/interventions", asked, HEADER)
    assert answer.status == 201, answer.body

    report_a_replay(server.port, run, canary=CANARY, headers=HEADER)

    assert CANARY.encode() not in server.everything()


def test_an_import_goes_into_the_project_of_its_request(server: Server, two: Two) -> None:
    run = a_name("carried")
    to_actions(two.source, run, HEADER)
    export = f"/api/v1/runs/export?format=jsonl&run_id={run}&project=Finance"
    content = ask(two.source, "GET", export).body
    assert CANARY.encode() in content

    whole = ask(two.target, "POST", "/api/v1/import", content)
    bare = ask(server.port, "POST", "/api/v1/import?project=Finance", content)

    assert (whole.status, bare.status) == (200, 200)
    assert ask(two.target, "GET", f"/api/v1/runs/export?format=jsonl&run_id={run}").body == content
    assert actions_in(server.port, run)[0]["bodies"]["inputs"] is None
    assert CANARY.encode() not in server.everything()


@pytest.mark.parametrize("said", [" ", "x" * 201, "a\tb", "%00", "%ff"])
@pytest.mark.parametrize("entrance", ["actions", "otlp", "model", "agentsentinel", "openai-agents"])
def test_a_project_that_can_be_none_is_refused_and_nothing_kept(server: Server, entrance: str, said: str) -> None:
    run = a_name("refused")

    answer = ENTRANCES[entrance](server.port, run, {"X-Titan-Project": said})

    assert answer.status == 400, answer.body
    assert "project " in answer.body.decode("utf-8", "replace")
    assert ask(server.port, "GET", f"/api/v1/runs/{run}").status == 404


@pytest.mark.parametrize("said", ["cr%C3%A8me br%C3%BBl%C3%A9e", "crème brûlée"])
def test_a_project_s_name_may_be_of_any_language(server: Server, said: str) -> None:
    run = a_name("sweet")

    to_agentsentinel(server.port, run, {"X-Titan-Project": said})

    assert len(actions_in(server.port, run, "crème brûlée")) == 1
    assert CANARY.encode() not in server.everything()
