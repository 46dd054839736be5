"""What the log says of requests that the model endpoint refuses."""

from pathlib import Path

from tests.support.raw_http import ask, ask_json
from tests.support.running_titan import running_titan
from tests.support.secrets import made
from tests.support.waiting import wait_until

REFUSED = "a request for the model was refused"


def test_a_secret_in_the_place_of_a_models_name_is_not_in_the_log(tmp_path: Path) -> None:
    script, secret = tmp_path / "answers.json", made("sk-ant-api03-", 93)
    script.write_text("[]")
    with running_titan(tmp_path / "home", offers=(), model=f"scripted:{script}") as titan:
        asked = {"model": secret, "messages": [{"role": "user", "content": "The sky?"}]}
        answer = ask_json(titan.sdk_port, "POST", "/v1/chat/completions", asked)
        wait_until(lambda: REFUSED in titan.log, "the log says so")
        log = titan.log

    assert answer.status == 400
    assert secret not in log
    assert "[redacted:anthropic_key" in log


def test_a_request_the_model_cannot_serve_costs_nothing_and_leaves_no_run_of_its_own(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "weather"}}]
    asked = {"messages": [{"role": "user", "content": "The weather?"}], "tools": tools}
    with running_titan(tmp_path / "home", offers=(), model="local") as titan:
        port, named = titan.sdk_port, {"X-Titan-Run-Id": "named"}
        statuses = [
            ask_json(port, "POST", "/v1/chat/completions", {**asked, "stream": is_streamed}, headers).status
            for is_streamed in (False, True)
            for headers in ({}, named)
        ]
        wait_until(lambda: ask(port, "GET", "/api/v1/runs/named").status == 200, "the run is recorded")
        wait_until(
            lambda: ask(port, "GET", "/api/v1/runs/named").value["tally"]["error"] == 2, "both calls are recorded"
        )
        runs = ask(port, "GET", "/api/v1/runs?window=all").value["data"]

    assert statuses == [400] * 4
    assert [(run["run_id"], run["agent_id"]) for run in runs] == [("named", "direct-calls")]
    assert (runs[0]["tally"]["unpriced"], runs[0]["first_error"].partition(":")[0]) == (0, "NotSupported")
