"""The openai package against a slow model behind Titan's endpoint: what runs is seen, who leaves is noticed."""

import asyncio
from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.support.fake_endpoint import FakeEndpoint, Reply, a_stream
from tests.support.raw_http import ask
from tests.support.recorded_calls import RecordedCalls
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.waiting import wait_until

SKY: ChatCompletionMessageParam = {"role": "user", "content": "Which colour has the sky?"}
GONE_WITHIN_SECONDS = 20.0


@pytest.fixture(scope="module")
def titan(endpoint: FakeEndpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    home = tmp_path_factory.mktemp("endpoint") / "home"
    with running_titan(home, offers=(), model=f"{endpoint.url}#painter-1") as running:
        yield running


def test_a_client_that_leaves_a_stream_cancels_its_call_and_the_received_part_is_recorded(
    client: openai.OpenAI, endpoint: FakeEndpoint, recorded: RecordedCalls
) -> None:
    endpoint.replies.append(a_stream({"content": "It"}, {"content": " is"}, finish_reason=None, is_held=True))

    stream = client.chat.completions.create(
        model="default", messages=[SKY], stream=True, extra_headers={"X-Titan-Run-Id": "left"}
    )
    said = [next(stream).choices[0].delta.content for _ in range(3)]
    wait_until(lambda: recorded.ids("left") != [], "the call is seen while it runs")
    running = recorded.action("left", recorded.ids("left")[0])
    endpoint.left.clear()
    stream.close()

    assert said == ["", "It", " is"]
    assert (running["action"]["outcome"], running["bodies"]["inputs"] is None) == (None, False)
    assert endpoint.left.wait(GONE_WITHIN_SECONDS)
    (action,) = recorded.actions("left")
    assert (action["action"]["outcome"], action["action"]["error_type"]) == (None, "ClientDisconnected")
    assert '" is"' not in action["bodies"]["outputs"]["text"]
    assert "It is" in action["bodies"]["outputs"]["text"]


def test_a_client_whose_patience_ends_has_its_question_recorded(
    client: openai.OpenAI, endpoint: FakeEndpoint, recorded: RecordedCalls
) -> None:
    endpoint.replies.append(Reply(is_held=True))

    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(
            model="default", messages=[SKY], timeout=0.5, extra_headers={"X-Titan-Run-Id": "impatient"}
        )

    (action,) = recorded.actions("impatient")
    assert (action["action"]["outcome"], action["action"]["error_type"]) == (None, "ClientDisconnected")


def test_a_question_that_is_cancelled_is_taken_back_from_the_model(
    titan: RunningTitan, endpoint: FakeEndpoint, recorded: RecordedCalls
) -> None:
    endpoint.replies.clear()
    endpoint.replies.append(Reply(is_held=True))
    endpoint.asked.clear()
    endpoint.left.clear()

    async def ask_and_cancel() -> None:
        url = f"http://127.0.0.1:{titan.sdk_port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            asking = asyncio.ensure_future(
                client.chat.completions.create(
                    model="default", messages=[SKY], extra_headers={"X-Titan-Run-Id": "cancelled"}
                )
            )
            await asyncio.to_thread(wait_until, lambda: bool(endpoint.asked), "the model is asked")
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    asyncio.run(ask_and_cancel())

    assert endpoint.left.wait(GONE_WITHIN_SECONDS)
    (action,) = recorded.actions("cancelled")
    assert action["action"]["error_type"] == "ClientDisconnected"


def test_a_stream_that_is_closed_cancels_the_run_that_it_is_all_of(
    client: openai.OpenAI, endpoint: FakeEndpoint, recorded: RecordedCalls, titan: RunningTitan
) -> None:
    endpoint.replies.append(a_stream({"content": "It"}, {"content": " is"}, finish_reason=None, is_held=True))
    stream = client.chat.completions.create(model="default", messages=[SKY], stream=True)
    answer = next(stream).id

    stream.close()

    (action,) = recorded.actions(answer)
    assert (action["action"]["outcome"], action["action"]["reason"]) == (None, "cancelled")
    wait_until(lambda: recorded.run(answer)["status"] == "cancelled", "the run is cancelled")
    run = recorded.run(answer)
    assert (run["tally"]["success_rate"], run["tally"]["unpriced"], run["troubles"]) == (None, 1, 0)
    assert answer not in ask(titan.sdk_port, "GET", "/api/v1/intercepts").body.decode()


@pytest.mark.slow
def test_a_stopped_server_records_its_unanswered_call(
    client: openai.OpenAI, endpoint: FakeEndpoint, titan: RunningTitan
) -> None:
    endpoint.replies.append(a_stream({"content": "It"}, finish_reason=None, is_held=True))
    stream = client.chat.completions.create(
        model="default", messages=[SKY], stream=True, extra_headers={"X-Titan-Run-Id": "stopped"}
    )
    next(stream)

    titan.terminate()
    titan.start_again()

    recorded = RecordedCalls(titan)
    (action,) = recorded.actions("stopped")
    recorded.close()
    assert (action["action"]["outcome"], action["action"]["error_type"]) == ("error", "ServerStopped")
