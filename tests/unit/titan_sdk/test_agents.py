"""`titan_sdk.agent` without a server."""

import pytest

import titan_sdk
from titan_sdk.agents import AgentApi
from titan_sdk.errors import InvalidInput


def test_an_object_that_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a function run"):
        titan_sdk.agent("name")(3)  # type: ignore[type-var]


def test_a_server_without_agents_or_without_a_token_for_others_is_refused() -> None:
    api = AgentApi()
    with pytest.raises(InvalidInput, match="Decorate the agent's function"):
        api.server()

    @api
    def run(task: object, *, proxy_url: str, run_token: str) -> str:
        return "done"

    with pytest.raises(InvalidInput, match="TITAN_AGENT_TOKEN"):
        api.server(host="0.0.0.0")


def test_agent_tools_outside_of_a_run_are_refused_with_the_reason() -> None:
    with pytest.raises(InvalidInput, match="while an agent's function runs"):
        titan_sdk.agent.tools.call("get_order")
    with pytest.raises(ValueError, match="expected one of 'assistant_message'"):
        titan_sdk.agent.trace("dream", "hm")
