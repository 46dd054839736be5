"""Whether the SDK and the server take a user's own pattern: they are to be of one mind."""

import re

import pytest

from titan.model.errors import InvalidInput
from titan.rules.redaction import check_patterns
from titan_sdk.redaction_own import problem_in


def assert_taken_by_both(regex: str) -> None:
    assert problem_in("mine", regex) is None
    check_patterns({"mine": regex})


def assert_refused_by_both(regex: str, words: str) -> None:
    """Fail unless both refuse a pattern, the SDK with words that `words`, a regular expression, finds."""
    problem = problem_in("mine", regex)

    assert problem is not None
    assert re.search(words, problem) is not None, problem
    with pytest.raises(InvalidInput, match="'mine'"):
        check_patterns({"mine": regex})
