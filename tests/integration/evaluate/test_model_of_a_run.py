"""A run's own model endpoint: the openai package with the run's proxy and token is one of its agent's calls."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.support.agent_server import Asked, agent_server
from tests.support.evaluations import a_workflow, dispatched, ended, http_agent, tried
from tests.support.fake_endpoint import FakeEndpoint, a_completion, fake_endpoint
from tests.support.raw_http import given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until

SCRIPT = [{"contains": "sky", "answer": "It is blue.", "repeat": True}]


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    folder = tmp_path_factory.mktemp("scripted")
    (folder / "answers.json").write_text(json.dumps(SCRIPT))
    with running_titan(folder / "home", offers=(), model=f"scripted:{folder / 'answers.json'}") as running:
        yield running


def client_of(ask: Asked, **changes: Any) -> openai.OpenAI:
    """Return what any program has that is given a base_url and a key."""
    settings = {"base_url": f"{ask.body['proxy_url']}/v1", "api_key": ask.headers["X-Titan-Run-Token"], **changes}
    return openai.OpenAI(**settings, max_retries=0)


def asked_sky(client: openai.OpenAI, **more: Any) -> Any:
    question: Any = [{"role": "user", "content": "Which colour has the sky?"}]
    return client.chat.completions.create(model="titan", messages=question, **more)


def model_calls(port: int, run_id: str) -> list[Any]:
    """Return the model calls of a run, when they are recorded."""
    found: list[Any] = []

    def are_there() -> bool:
        rows = given(port, f"/api/v1/runs/{run_id}/skeleton")
        found[:] = [action for action, kind in zip(rows["id"], rows["kind"], strict=True) if kind == "model"]
        return bool(found)

    wait_until(are_there, f"the model calls of {run_id}")
    return found


def test_the_openai_package_with_a_runs_token_asks_for_that_run(scripted: RunningTitan) -> None:
    port, said = scripted.sdk_port, list[str]()

    def agent(ask: Asked) -> str:
        client = client_of(ask)
        assert client.models.list().data[0].owned_by == "titan"
        said.append(asked_sky(client).choices[0].message.content)
        pieces = asked_sky(client, stream=True)
        said.append("".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices))
        ask.call("cancel_order", order_id="O1")
        return "done"

    with agent_server(agent) as url:
        run = tried(port, "sky", http_agent(url))

    assert said == ["It is blue.", "It is blue."]
    assert (run["verdict"], run["tool_calls"]) == ("PASS", 1)
    wait_until(lambda: len(model_calls(port, run["run_id"])) == 2, "both calls")
    path = f"/api/v1/runs/{run['run_id']}"
    wait_until(lambda: given(port, path)["tally"]["calls"] == 3, "all calls are counted")
    shown = given(port, path)
    assert shown["agent_id"] == "sky"


@pytest.mark.parametrize("reported", [None, 0.0000005, 0.25])
def test_what_the_model_cost_is_what_the_agent_cost_unless_it_says_more(tmp_path: Path, reported: float | None) -> None:
    modelled = 7 * 0.15e-6 + 1 * 0.60e-6
    with (
        fake_endpoint() as endpoint,
        running_titan(
            tmp_path / "home",
            offers=(),
            model=f"{endpoint.url}#gpt-4o-mini",
        ) as titan,
    ):
        priced(endpoint)

        def agent(ask: Asked) -> Any:
            answer = {"final_response": str(asked_sky(client_of(ask)).choices[0].message.content)}
            return answer if reported is None else {**answer, "metadata": {"cost_usd": reported}}

        with agent_server(agent) as url:
            run = tried(titan.sdk_port, "priced", http_agent(url))
        assert len(model_calls(titan.sdk_port, run["run_id"])) == 1
        totals = given(titan.sdk_port, f"/api/v1/runs/{run['run_id']}")["tally"]

    assert totals["calls"] == totals["success"] == 1  # what the agent said is no call
    assert run["final_response"] == "blue"
    assert float(run["cost_usd"]) == pytest.approx(reported or modelled)
    assert float(totals["cost_usd"]) == pytest.approx(max(reported or 0, modelled))  # not both: they are of the same


def priced(endpoint: FakeEndpoint) -> None:
    reply = a_completion()
    assert isinstance(reply.body, dict)
    reply.body["model"] = "gpt-4o-mini"
    endpoint.replies.append(reply)


def test_another_runs_token_and_one_that_is_over_ask_nothing(scripted: RunningTitan) -> None:
    port, found = scripted.sdk_port, list[str]()
    kept: list[Asked] = []

    def agent(ask: Asked) -> str:
        kept.append(ask)
        for key in ("sk-something", "titan_run_" + "x" * 43):
            with pytest.raises(openai.AuthenticationError) as refused:
                asked_sky(client_of(ask, api_key=key))
            found.append(refused.value.response.json()["detail"]["error_class"])
        return "done"

    with agent_server(agent) as url:
        path = a_workflow(port, "strange", http_agent(url))
        ended(port, path, dispatched(port, path)[0])
        with pytest.raises(openai.AuthenticationError) as refused:
            asked_sky(client_of(kept[0]))

    assert found == ["run_token_invalid", "run_token_rejected"]
    assert refused.value.response.json()["detail"]["error_class"] == "run_token_expired"
