"""Patterns of a user's own are checked by the SDK as by the server: none may freeze the program that records."""

import pytest

from titan.model.errors import InvalidInput
from titan.rules.redaction import check_patterns
from titan_sdk.redaction_own import MAX_PATTERN, problem_in


@pytest.mark.parametrize(
    ("regex", "words"),
    [
        ("(a+)+b", "a repeated group in which something"),
        ("(a|aa)+b", "a repeated group in which something"),
        ("(?:(a?)b)*c", "a repeated group in which something"),
        ("(?:a?){30}a", "a repeated group in which something"),
        ("(?x)( a + ) + b", r"what RE2 refuses: the flags \(\?x\)"),
        ("(?x: ( a + ) + b)", r"what RE2 refuses: the flags \(\?x:"),
        ("x(?=y)", "what RE2 refuses: a group that looks around, refers back"),
        ("(?<!x)y", "what RE2 refuses: a group that looks around, refers back"),
        ("(?P<q>x)(?P=q)", "what RE2 refuses: a group that looks around, refers back"),
        (r"(x)\1", r"what RE2 refuses: the reference \\1"),
        ("(x", r"what Python's re refuses: missing \)"),
        ("(" * 450 + "x" + ")" * 450, "groups more than 50 deep in each other"),
        ("x{99999999999}", "what Python's re refuses: the repetition number is too large"),
        ("x*", "matches an empty text"),
        ("x" * (MAX_PATTERN + 1), "1001 characters, over 1000"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_told_alike_by_sdk_and_server(regex: str, words: str) -> None:
    problem = problem_in("mine", regex)

    with pytest.raises(ValueError, match=words):
        raise ValueError(problem)
    with pytest.raises(InvalidInput, match="'mine'"):
        check_patterns({"mine": regex})


@pytest.mark.parametrize("name", ["", "Mine", "1st", "a b", "x" * 41])
def test_a_name_that_no_chip_can_have_is_none(name: str) -> None:
    assert problem_in(name, "x") == "a name that is not 1 to 40 of a-z, 0-9, _ and -, a letter first"


@pytest.mark.parametrize(
    "regex",
    [
        *(r"(?i)cust-\d+", r"(?:\d{4} ){3}\d{4}", "a(?:b+)?c", r"[(+*|)]+x", r"(?:\(\+)+x", "(?i:a)|b+", "[]|+]+x"),
        *(
            "(x)(y+)z",
            r"badge (?P<value>[A-Z]{2}[0-9]{5})",
            r"\(?x",
            r"[(?=]x",
            "(" * 50 + "x" + ")" * 50,
            r"\\1x",
            "(?s-i:x.y)",
        ),
    ],
)
def test_a_pattern_that_both_read_is_accepted_by_sdk_and_server(regex: str) -> None:
    assert problem_in("mine", regex) is None
    check_patterns({"mine": regex})
