"""Errors say what was expected and found, and what to do next; their family tree is the documented one."""

import inspect
import re

import pytest

from titan.model import errors
from titan.model.errors import InvalidInput, TitanError

ALL = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, TitanError)]


def test_the_message_has_subject_expectation_finding_and_next_step() -> None:
    error = InvalidInput("job 'x'", expected="retries from 0 to 9", found="12", next_step="Lower it.")

    assert str(error) == "job 'x': expected retries from 0 to 9; found 12. Lower it."
    assert (error.subject, error.expected, error.found) == ("job 'x'", "retries from 0 to 9", "12")
    assert error.next_step == "Lower it."


def test_a_message_without_a_next_step_ends_after_the_finding() -> None:
    assert str(TitanError("store", expected="an answer", found="none")) == "store: expected an answer; found none."


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_is_in_the_drawn_tree_and_has_a_docstring(kind: type[TitanError]) -> None:
    drawn = re.findall(r"[A-Z]\w+", errors.__doc__ or "")

    assert kind.__name__ in drawn
    assert kind.__doc__
