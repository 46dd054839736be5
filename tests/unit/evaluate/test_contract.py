"""Which error class an exchange with an agent is, and what a usable answer says (specification 2.3, 2.6)."""

import json
from typing import Any

import pytest

from titan.evaluate.contract import (
    Answered,
    Broken,
    Exchange,
    Failed,
    is_worth_another_try,
    read_answer,
    read_exchange,
)
from titan.model.evaluations import ErrorClass


@pytest.mark.parametrize(
    ("exchange", "error_class"),
    [
        (Exchange(status=401), ErrorClass.AUTH_FAILED),
        (Exchange(status=403), ErrorClass.AUTH_FAILED),
        (Exchange(status=408), ErrorClass.AGENT_TIMEOUT),
        (Exchange(status=504), ErrorClass.AGENT_TIMEOUT),
        (Exchange(broken=Broken.TIMEOUT), ErrorClass.AGENT_TIMEOUT),
        (Exchange(status=500), ErrorClass.AGENT_5XX),
        (Exchange(status=503), ErrorClass.AGENT_5XX),
        (Exchange(status=404), ErrorClass.AGENT_4XX),
        (Exchange(status=429), ErrorClass.AGENT_4XX),
        (Exchange(status=302), ErrorClass.TRANSPORT_ERROR),
        (Exchange(broken=Broken.TRANSPORT), ErrorClass.TRANSPORT_ERROR),
        (Exchange(broken=Broken.CONNECT), ErrorClass.AGENT_UNREACHABLE),
        (Exchange(broken=Broken.REFUSED), ErrorClass.AGENT_UNREACHABLE),
        (Exchange(broken=Broken.PROXY), ErrorClass.PROXY_MISCONFIGURED),
        (Exchange(broken=Broken.TOO_LARGE), ErrorClass.CONTRACT_ERROR),
        (Exchange(status=200, body=b"<html>"), ErrorClass.AGENT_BAD_RESPONSE),
        (Exchange(status=200, body=b""), ErrorClass.AGENT_BAD_RESPONSE),
        (Exchange(status=200, body=b"{}"), ErrorClass.CONTRACT_ERROR),
        (Exchange(status=200, body=b"[]"), ErrorClass.CONTRACT_ERROR),
        (Exchange(status=200, body=b'{"final_response": "  "}'), ErrorClass.CONTRACT_ERROR),
        (Exchange(status=200, body=b'{"final_response": 3}'), ErrorClass.CONTRACT_ERROR),
    ],
)
def test_each_failure_has_its_class(exchange: Exchange, error_class: ErrorClass) -> None:
    found = read_exchange(exchange)

    assert isinstance(found, Failed)
    assert found.error_class is error_class


def test_the_beginning_of_an_agents_body_is_kept_and_more_of_it_for_the_redaction() -> None:
    found = read_exchange(Exchange(status=500, body=b"x" * 9000))

    assert isinstance(found, Failed)
    assert found.detail == "x" * 2000


def test_a_text_alone_is_the_final_response() -> None:
    found = read_exchange(Exchange(status=200, body=json.dumps("Done.").encode()))

    assert isinstance(found, Answered)
    assert (found.final_response, found.messages) == ("Done.", None)


@pytest.mark.parametrize(
    ("messages", "kept"),
    [
        (None, None),
        ([{"role": "assistant", "content": "Hi", "extra": 1}], [{"role": "assistant", "content": "Hi"}]),
        ([{"role": "wizard"}], None),
        ("hello", None),
        ([{"content": "no role"}], None),
    ],
)
def test_messages_that_do_not_fit_are_left_out_with_a_warning(messages: Any, kept: Any) -> None:
    found = read_answer({"final_response": "Done.", "messages": messages})

    assert isinstance(found, Answered)
    if kept is None:
        assert found.messages is None
        assert bool(found.soft_warnings) == (messages is not None)
    else:
        assert found.messages is not None
        assert found.messages[0]["role"] == "assistant"
        assert "extra" not in found.messages[0]


@pytest.mark.parametrize(
    ("error_class", "message", "calls", "tries", "again"),
    [
        (ErrorClass.AGENT_UNREACHABLE, "", 0, 0, True),
        (ErrorClass.TRANSPORT_ERROR, "", 0, 1, True),
        (ErrorClass.AGENT_UNREACHABLE, "", 0, 2, False),
        (ErrorClass.AGENT_UNREACHABLE, "", 1, 0, False),
        (ErrorClass.AGENT_5XX, "the agent answered 503", 0, 0, True),
        (ErrorClass.AGENT_5XX, "the agent answered 500", 0, 0, False),
        (ErrorClass.AGENT_TIMEOUT, "", 0, 0, False),
    ],
)
def test_only_an_agent_that_was_not_reached_is_tried_again(
    error_class: ErrorClass, message: str, calls: int, tries: int, again: bool
) -> None:
    assert is_worth_another_try(error_class, message, calls=calls, tries=tries) is again
