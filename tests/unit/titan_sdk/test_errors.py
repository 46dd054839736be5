"""Errors: the server's words in the class of their name, also across processes."""

from __future__ import annotations

import pickle

import pytest

from titan_sdk.errors import (
    Conflict,
    Forbidden,
    InvalidDag,
    TitanError,
    Unauthorized,
    UnexpectedAnswer,
    UnusableAnswer,
    error_from_wire,
)


def a_wire_error(kind: str) -> dict[str, object]:
    parts = {"subject": "dag 'x'", "expected": "no cycle", "found": "a -> b -> a", "next_step": "Cut it."}
    return {"error": {"type": kind, "message": "the server's words", **parts}}


def test_an_error_of_the_server_becomes_the_class_of_its_name() -> None:
    error = error_from_wire(400, a_wire_error("InvalidDag"), subject="POST /api/dags")

    assert type(error) is InvalidDag
    assert (str(error), error.subject, error.found) == ("the server's words", "dag 'x'", "a -> b -> a")


@pytest.mark.parametrize(("status", "kind"), [(409, Conflict), (418, TitanError)])
def test_an_error_of_a_newer_server_becomes_the_class_of_its_status(status: int, kind: type[TitanError]) -> None:
    assert type(error_from_wire(status, a_wire_error("Newer"), subject="s")) is kind


@pytest.mark.parametrize("body", [None, "<html>", {"detail": "no"}, {"error": "no"}])
def test_an_error_that_is_not_titans_says_that_something_else_answered(body: object) -> None:
    error = error_from_wire(404, body, subject="GET /api/health")

    assert type(error) is UnexpectedAnswer
    assert "HTTP 404" in error.found


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthorized), (403, Forbidden)])
def test_a_refusal_names_the_token_whoever_refuses(status: int, kind: type[TitanError]) -> None:
    titans = error_from_wire(status, a_wire_error(kind.__name__), subject="s")
    proxys = error_from_wire(status, "<html>Who are you?", subject="GET /api/health")

    assert (type(titans), type(proxys)) == (kind, kind)
    assert "TITAN_TOKEN" in proxys.next_step


def test_errors_survive_a_pickle() -> None:
    error = UnusableAnswer(subject="s", expected="e", found="f", next_step="N.", text="t")

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), copy.text) == (UnusableAnswer, "s: expected e; found f. N.", "t")
