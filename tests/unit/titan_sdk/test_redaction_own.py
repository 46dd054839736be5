"""Patterns of a user's own are checked by the SDK as by the server: none may freeze the program that records."""

import time

import pytest

from tests.support.own_patterns import assert_refused_by_both, assert_taken_by_both
from titan_sdk.redaction import Redactor
from titan_sdk.redaction_finding import LONGEST_FOR_SLOW, StandardFinder
from titan_sdk.redaction_own import MAX_PATTERN, is_slow, problem_in


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
    assert_refused_by_both(regex, words)


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
    assert_taken_by_both(regex)


@pytest.mark.parametrize(
    "regex",
    [
        *("a?" * 22 + "a" * 22, r"\w*\w*\w*\w*-x", "-?".join(["[0-9]?"] * 18) + "x", "(?:a?b?){1}" * 8 + "x"),
        *("key.*val.*end", r"(?P<value>\w+)\w+x", r"(?i:[a-z]*[A-Z]*)1", "(?:[ab]*a[ab]*b)?x", "a{0,40}a{0,40}a?a?b"),
        *(r"[a-z0-9.]+\.[a-z]+0[a-z0-9.]*!", r"\w+[^a]{0,60}x", "[a-z](?:a+|b)(?:[ab]{0,60})?x"),
    ],
)
def test_a_pattern_that_can_match_one_text_in_too_many_ways_is_refused_by_both(regex: str) -> None:
    assert_refused_by_both(regex, r"repeats? without a limit|more than (1,000|4) ways|a repeated group")


QUICK = [
    *("CUST-[0-9]+", r"ORD-\d+-[A-Z]{2}", r"Bearer \S+", "[a-z0-9-]{1,64}@corp[.]example", r"badge (?P<value>[a-z]+)#"),
    *(r"\+?[0-9]{1,3}[ -]?[0-9]{2,4}[ -]?[0-9]{2,4}", "(?:live|test)_[0-9a-f]+", "[0-9a-f]{8}-?[0-9a-f]{4}", r"é\w*é"),
    *(r"password\s*=\s*\S+", "x|y+", "<[^<>]+>"),
]
SLOW = [
    *(
        r"[A-Za-z0-9._-]+@corp\.example",
        r"(?i)\b[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}\b",
        "<key>.*</key>",
        "k+é",
        "<[^>]+>",
    ),
    *("(?:[a-z]+|[0-9]+)@x", "[a-z]{1,1000}[a-z]x"),
]


@pytest.mark.parametrize(("regex", "slow"), [*((regex, False) for regex in QUICK), *((regex, True) for regex in SLOW)])
def test_in_a_long_text_only_what_reads_it_once_is_looked_for(regex: str, slow: bool) -> None:
    assert problem_in("mine", regex) is None
    assert is_slow(regex) is slow


PIECES = ["a", "0", "-", "0-", "a.", " ", "= ", "CUST-1", "<", "é", "password ", "badge a", "+0"]


@pytest.mark.parametrize("regex", QUICK)
def test_what_is_looked_for_in_long_texts_takes_no_longer_in_any(regex: str) -> None:
    finder = StandardFinder({"mine": regex})
    took = list[float]()

    for piece in PIECES:
        text = piece * (60_000 // len(piece))
        began = time.perf_counter()
        finder.find(text)
        took.append(time.perf_counter() - began)

    assert max(took) < 3  # 0.03 s; `[a-z]+@`, which reads each letter again for each, 5 s


def test_a_text_that_is_too_long_for_a_slow_pattern_is_kept_to_oneself() -> None:
    redactor = Redactor(StandardFinder({"mail": r"[a-z]+@corp\.example"}), key=b"0123456789abcdef")
    long = "a" * LONGEST_FOR_SLOW

    short, longer = redactor.redact_json(f'["bob@corp.example", "{long}"]'), redactor.redact_json(f'{{"a": "{long}b"}}')

    assert short.text == f'["[redacted:mail]","{long}"]'
    assert longer.text == '{"a":"[redacted:too_long]"}'
    assert [(taken.path, taken.name) for taken in longer.taken] == [("$.a", "too_long")]
