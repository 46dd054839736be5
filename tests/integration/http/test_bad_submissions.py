"""A submission that cannot be meant is refused by name, and nothing of it is kept."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from tests.support.raw_http import a_key, ask, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.stored_facts import stored_facts
from tests.support.submissions import DIGEST, a_dag_body, a_job_body, a_name, submit

HUGE = 10**30

GRAPHS = {
    "a cycle": ([a_job_body("a", parents=["b"]), a_job_body("b", parents=["a"])], "no cycle of parents"),
    "its own parent": ([a_job_body("a", parents=["a"])], "itself among its parents"),
    "an unknown parent": ([a_job_body("a", parents=["ghost"])], "unknown parent 'ghost'"),
    "an id twice": ([a_job_body("a"), a_job_body("a")], "'a' twice"),
    "an id twice, once with the prefix": ([a_job_body("a"), a_job_body("DAG-a")], "'a' twice"),
    "no jobs": ([], "an empty list"),
}

BAD_NAMES = {
    "a folder up": "../a",
    "a semicolon": "a;b",
    "a pipe": "a|b",
    "a newline": "a\nb",
    "a newline at the end": "a\n",
    "an emoji": "a😀",
    "a NUL": "a\0b",
    "nothing": "",
    "a blank at the end": "a ",
    "letters of another script": "имя",
    "too long": "a" * 201,
}

BAD_FIELDS: dict[str, tuple[dict[str, object], str, str]] = {
    "retries below 0": ({"retries": -1}, "InvalidInput", "retries from 0"),
    "retries beyond all": ({"retries": HUGE}, "InvalidInput", "retries"),
    "a timeout of 0": ({"timeout_seconds": 0}, "InvalidInput", "timeout_seconds"),
    "a timeout beyond all": ({"timeout_seconds": HUGE}, "InvalidInput", "timeout_seconds"),
    "a priority beyond all": ({"priority": HUGE}, "InvalidInput", "priority"),
    "a negative delay": ({"delay_ms": -1}, "InvalidInput", "delay_ms"),
    "a delay beyond all": ({"delay_ms": HUGE}, "InvalidInput", "delay_ms"),
    "a negative backoff": ({"backoff_seconds": -0.5}, "InvalidInput", "backoff_seconds"),
    "max_lost beyond all": ({"max_lost": HUGE}, "InvalidInput", "max_lost"),
    "text for a number": ({"retries": "5"}, "InvalidInput", "jobs[0].retries"),
    "a fraction for a whole number": ({"priority": 1.5}, "InvalidInput", "jobs[0].priority"),
    "a number for a truth": ({"cold": 1}, "InvalidInput", "jobs[0].cold"),
    "a number among the args": ({"args": [1]}, "InvalidInput", "jobs[0].args[0]"),
    "null for a list": ({"parents": None}, "InvalidInput", "jobs[0].parents"),
    "an affinity of another world": ({"affinity": "strong"}, "InvalidInput", "jobs[0].affinity"),
    "a field nobody knows": ({"hitl_mesage": "?"}, "InvalidInput", "hitl_mesage"),
    "an env name that is none": ({"env": {"A-B": "1"}}, "InvalidName", "environment variable 'A-B'"),
    "an env name of Titan's own": ({"env": {"TITAN_TOKEN": "1"}}, "InvalidName", "TITAN_TOKEN"),
    "an env name with a newline": ({"env": {"A\n": "1"}}, "InvalidName", "environment variable"),
    "NUL in env": ({"env": {"A": "x\0"}}, "InvalidInput", "no NUL in env A"),
    "NUL in args": ({"args": ["x\0"]}, "InvalidInput", "no NUL in args"),
    "a label with a blank": ({"requirement": "BIG GPU"}, "InvalidName", "label 'BIG GPU'"),
    "a script's path": ({"filename": "../a.py"}, "InvalidName", "file name '../a.py'"),
    "a digest that is none": ({"script": "abc"}, "InvalidInput", "jobs[0].script"),
    "a script nobody sent": ({"script": "0" * 64}, "InvalidInput", "its script among `scripts`"),
}

SURROGATES = {
    "the name": ('"NAME"', '"a\\ud800"'),
    "an argument": ('"ARG"', '"\\udfff"'),
    "an env value": ('"VALUE"', '"\\ud800\\ud800"'),
    "an env name": ('"NAME_OF_ENV"', '"\\ud800"'),
    "the file name": ('"FILE.py"', '"\\udc00.py"'),
}


@pytest.fixture(scope="module", autouse=True)
def known_script(titan: RunningTitan) -> None:
    """Have the script of all submissions there, for content that no row names is no fact."""
    submit(titan.sdk_port, a_dag_body())


def refused(titan: RunningTitan, body: object) -> tuple[int, str, str]:
    """Submit and return status, type and message; the home must be as it was."""
    before = stored_facts(titan.home)
    answer = ask_json(titan.sdk_port, "POST", "/api/dags", body, a_key())
    assert stored_facts(titan.home) == before
    return *answer.refusal, answer.message


@pytest.mark.parametrize(("jobs", "words"), GRAPHS.values(), ids=GRAPHS.keys())
def test_a_graph_that_cannot_run_is_refused(titan: RunningTitan, jobs: list[Any], words: str) -> None:
    status, kind, message = refused(titan, a_dag_body(jobs))

    assert (status, kind) == (400, "InvalidDag")
    assert words in message


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES.keys())
@pytest.mark.parametrize("place", ["dag", "job", "parent", "agent_run_id", "agent_id"])
def test_an_invalid_name_is_refused_in_every_field(titan: RunningTitan, place: str, name: str) -> None:
    bodies = {
        "dag": {**a_dag_body(), "name": name},
        "job": a_dag_body([a_job_body(name)]),
        "parent": a_dag_body([a_job_body(parents=[name])]),
        "agent_run_id": a_dag_body(agent_run_id=name),
        "agent_id": a_dag_body(agent_id=name),
    }

    status, kind, message = refused(titan, bodies[place])

    assert (status, kind) == (400, "InvalidName")
    assert message.isascii()
    assert message.isprintable()


def test_the_original_prefix_alone_is_no_name(titan: RunningTitan) -> None:
    status, kind, message = refused(titan, a_dag_body(name="DAG-"))

    assert (status, kind) == (400, "InvalidName")
    assert "an empty string" in message


@pytest.mark.parametrize(("fields", "kind", "words"), BAD_FIELDS.values(), ids=BAD_FIELDS.keys())
def test_a_field_that_cannot_be_meant_is_refused(
    titan: RunningTitan, fields: dict[str, object], kind: str, words: str
) -> None:
    status, found, message = refused(titan, a_dag_body([{**a_job_body(), **fields}]))

    assert (status, found) == (400, kind)
    assert words in message


def test_one_bad_job_among_good_ones_refuses_them_all(titan: RunningTitan) -> None:
    jobs = [a_job_body("good"), a_job_body("bad", retries=-1), a_job_body("fine")]

    status, kind, message = refused(titan, a_dag_body(jobs))

    assert (status, kind) == (400, "InvalidInput")
    assert "job 'bad'" in message


def test_a_script_that_does_not_match_its_digest_is_refused(titan: RunningTitan) -> None:
    status, kind, message = refused(titan, a_dag_body(scripts={DIGEST: "b3RoZXI="}))

    assert (status, kind) == (400, "InvalidInput")
    assert "content with that SHA-256" in message


def test_a_good_script_beside_a_bad_one_is_not_kept_either(titan: RunningTitan) -> None:
    good = b"print('good')"
    scripts = {hashlib.sha256(good).hexdigest(): base64.b64encode(good).decode(), "1" * 64: "b3RoZXI="}

    status, kind, _message = refused(titan, a_dag_body(scripts=scripts))

    assert (status, kind) == (400, "InvalidInput")


def test_a_script_that_is_no_base64_is_refused(titan: RunningTitan) -> None:
    status, kind, message = refused(titan, a_dag_body(scripts={DIGEST: "§"}))

    assert (status, kind) == (400, "InvalidInput")
    assert "base64" in message


@pytest.mark.parametrize(("placeholder", "escape"), SURROGATES.values(), ids=SURROGATES.keys())
def test_half_a_surrogate_pair_is_refused(titan: RunningTitan, placeholder: str, escape: str) -> None:
    job = a_job_body(args=["ARG"], env={"NAME_OF_ENV": "VALUE"}, filename="FILE.py")
    body = json.dumps(a_dag_body([job], name="NAME")).replace(placeholder, escape)
    before = stored_facts(titan.home)

    answer = ask(titan.sdk_port, "POST", "/api/dags", body.encode(), a_key())

    assert answer.refusal == (400, "InvalidInput")
    assert "surrogate" in answer.message
    assert stored_facts(titan.home) == before


def test_text_of_every_script_is_kept_in_args_and_env(port: int) -> None:
    job = a_job_body(args=["é😀\n\x7f", ""], env={"A": "имя=\t"}, filename="отчёт 😀.py")

    dag_id = submit(port, a_dag_body([job]))

    (kept,) = ask(port, "GET", f"/api/dags/{dag_id}").value["jobs"]
    assert (kept["args"], kept["filename"]) == (["é😀\n\x7f", ""], "отчёт 😀.py")


def test_a_parent_of_another_run_is_unknown(titan: RunningTitan) -> None:
    run_id, other_id = a_name("run"), a_name("run")
    submit(titan.sdk_port, a_dag_body(agent_run_id=run_id))

    status, kind, message = refused(titan, a_dag_body([a_job_body("b", parents=["a"])], agent_run_id=other_id))

    assert (status, kind) == (400, "InvalidDag")
    assert f"of run '{other_id}'" in message


def test_a_token_of_no_running_attempt_submits_nothing(titan: RunningTitan) -> None:
    before = stored_facts(titan.home)

    answer = ask_json(titan.sdk_port, "POST", "/api/dags", a_dag_body(), {"Authorization": "Bearer made-up", **a_key()})

    assert answer.refusal == (409, "StaleLease")
    assert stored_facts(titan.home) == before
