"""A request to the model endpoint, by whatever client, says the run and the action that it is made in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import titan_sdk
from tests.support.heard import Heard, recorded_locally
from titan_sdk import Redact


@pytest.fixture
def heard() -> Iterator[Heard]:
    with recorded_locally() as heard:
        yield heard


def test_a_request_says_the_run_and_the_action_that_is_under_way(heard: Heard) -> None:
    before = titan_sdk.headers()
    with titan_sdk.action("plan") as act:
        within = titan_sdk.headers()

    assert before == {"X-Titan-Run-Id": "R_1", "X-Titan-Agent-Id": "R"}
    assert within == {**before, "X-Titan-Parent-Id": act.id}


def test_an_id_that_no_header_can_carry_is_left_out(heard: Heard) -> None:
    with titan_sdk.run("forscher", "läuft"):
        assert titan_sdk.headers() == {}


def test_exception_messages_stay_in_the_process_if_errors_are_redacted(heard: Heard) -> None:
    @titan_sdk.action(redact=Redact(inputs=True, errors=True))
    def unlock(pin: str) -> None:
        raise ValueError(f"no such pin: {pin}") from LookupError(pin)

    with pytest.raises(ValueError, match="1234"):
        unlock("1234")

    told = heard.action()
    assert (told["failure"]["type"], told["failure"]["message"]) == ("ValueError", "")
    assert told["failure"]["traceback"].endswith("ValueError")
    assert "exception" not in told["details"]
    assert told["is_redacted"] is True
    assert b'"1234' not in b"".join(heard.bodies)
    assert b": 1234" not in b"".join(heard.bodies)


def test_thoughts_events_and_turns_apply_their_redaction(heard: Heard) -> None:
    of_order = Redact(patterns={"order": "ORD-[0-9]+"})
    with titan_sdk.turn("about ORD-7", redact=of_order):
        titan_sdk.thinking("ORD-7 is late", redact=of_order)
        titan_sdk.event("late", {"order": "ORD-7"}, redact=Redact(outputs=True))

    said, thought, late = heard.actions()
    assert (said["inputs"]["args"], thought["outputs"]) == (["about [redacted:order]"], "[redacted:order] is late")
    assert ("outputs" in late, late["is_redacted"]) == (False, True)
    assert b"ORD-7" not in b"".join(heard.bodies)


@pytest.mark.parametrize("make", [titan_sdk.turn, titan_sdk.thinking, titan_sdk.event])
def test_an_invalid_redaction_of_events_and_turns_is_refused(heard: Heard, make: object) -> None:
    assert callable(make)
    with pytest.raises(TypeError, match=r"expected a titan_sdk\.Redact"):
        make("x", redact=["iban"])


def test_a_request_says_the_project_in_any_language_also_where_an_id_is_none_for_a_header(heard: Heard) -> None:
    with titan_sdk.run("R", "R_2", project=" crème brûlée "):
        named = titan_sdk.headers()
    with titan_sdk.run("R", "läuft", project="finance"):
        alone = titan_sdk.headers()

    assert named["X-Titan-Project"] == "cr%C3%A8me%20br%C3%BBl%C3%A9e"
    assert alone == {"X-Titan-Project": "finance"}
