"""The statement at which two executions first went different ways."""

from __future__ import annotations

import json

from titan.replay.differences import Change, Statement, Traced, first_difference, read_trace


def ran(line: int, **changed: str) -> Traced:
    changes = {name: Change(digest=value, shown=value) for name, value in changed.items()}
    return Traced(file="agent.py", line=line, function="main", changed=changes)


def test_the_first_variable_that_was_set_differently_is_named() -> None:
    one = [ran(1, a="1"), ran(2, first='"x"', n="1"), ran(3, b="2")]
    other = [ran(1, a="1"), ran(2, first='"y"', n="1"), ran(3, b="3")]

    assert first_difference(one, other) == Statement(
        file="agent.py", line=2, function="main", variable="first", values=('"x"', '"y"')
    )


def test_a_variable_that_only_one_set_differs() -> None:
    found = first_difference([ran(1, a="1")], [ran(1)])

    assert found is not None
    assert (found.variable, found.values) == ("a", ("1", None))


def test_a_returned_value_is_named_last() -> None:
    found = first_difference([ran(1, **{"return": "1", "z": "1"})], [ran(1, **{"return": "2", "z": "2"})])

    assert found is not None
    assert found.variable == "z"


def test_where_another_statement_follows_the_one_before_it_is_named() -> None:
    found = first_difference([ran(1), ran(2), ran(5)], [ran(1), ran(2), ran(7)])

    assert found is not None
    assert (found.line, found.variable) == (2, None)


def test_executions_that_begin_elsewhere_have_no_statement_before() -> None:
    assert first_difference([ran(1)], [ran(2)]) is None


def test_one_that_was_stopped_earlier_does_not_differ() -> None:
    assert first_difference([ran(1), ran(2)], [ran(1)]) is None


def test_a_trace_is_read_up_to_a_line_that_was_cut_off() -> None:
    lines = [json.dumps(["agent.py", 1, "main", {"a": ["d", "1"]}]).encode(), b'["agent.py", 2, "ma']

    assert list(read_trace(lines)) == [
        Traced(file="agent.py", line=1, function="main", changed={"a": Change(digest="d", shown="1")})
    ]
