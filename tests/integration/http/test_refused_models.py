"""What the log says of requests that the model endpoint refuses."""

from pathlib import Path

from tests.support.raw_http import ask_json
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
