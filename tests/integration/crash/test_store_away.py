"""A store that does not answer for a while loses no call of the model endpoint, whose answers do not wait for it."""

from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import a_database
from tests.support.raw_http import ask, ask_json
from tests.support.recorded_calls import RecordedCalls
from tests.support.running_titan import running_titan
from tests.support.waiting import wait_until

QUESTION = {"messages": [{"role": "user", "content": "The sky?"}]}


@pytest.mark.slow
def test_a_call_whose_record_the_store_refuses_is_recorded_when_it_is_back(tmp_path: Path) -> None:
    script = tmp_path / "answers.json"
    script.write_text('[{"contains": "sky", "answer": "blue", "repeat": true}]')
    with (
        a_database() as url,
        running_titan(tmp_path / "home", offers=(), model=f"scripted:{script}", store=url) as titan,
    ):
        with psycopg.connect(url) as connection:  # one transaction, at whose end the lock goes
            connection.execute("lock table calls.runs in exclusive mode")
            answer = ask_json(titan.sdk_port, "POST", "/v1/chat/completions", QUESTION)
            wait_until(
                lambda: "calls of the model endpoint are recorded later" in titan.log, "the store refused", seconds=60
            )

        recorded = RecordedCalls(titan)
        [call] = recorded.actions(answer.value["id"])
        recorded.close()
        figures = ask(titan.sdk_port, "GET", "/metrics").body.decode()

    assert (answer.status, call["action"]["outcome"]) == (200, "success")
    assert "titan_unrecorded_model_calls_total 0" in figures
