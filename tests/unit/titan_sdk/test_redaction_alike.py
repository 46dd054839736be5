"""A user's pattern means one thing: what the SDK accepts, the server does, and both find the same by it."""

import pytest
import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.own_patterns import assert_refused_by_both, assert_taken_by_both
from titan.rules.redaction import LinearFinder, check_patterns
from titan_sdk.redaction_finding import StandardFinder, spans_of
from titan_sdk.redaction_own import compiled, problem_in
from titan_sdk.redaction_patterns import SecretPattern

ALIKE = [
    *("a", "K", "s", "é", "1", "_", "-", " ", r"\.", r"\\", r"\x41", r"\012", r"\0", r"\n", "{", "}", "]", ".", r"\d"),
    *(r"\w", r"\s", r"\D", r"\W", r"\S", r"\b", r"\B", r"\A", "^", "$", "[a-k]", "[^a]", "[^é]", r"[\w.-]", r"[\s\S]"),
    *(r"[^\s]", r"[\W_]", r"[^\D]", "[]a]", r"[\12]", "[^]]"),
]
UNLIKE = [
    *("[[:digit:]]", "[a[:digit:]", "[[]", "[+--]", "[a||b]", "(", ")", "(?>a)", "(?=a)", "(?x)", r"\p{L}", r"\z"),
    *(r"\C", r"\Qa\E", "\ud800", r"\Z", r"\u0041", r"\N{DASH}", r"[\1]", r"[\b]", r"\é", "a++", "a{,2}", "a{02}"),
    *("a{1001}", "a{,}"),
]
QUANTIFIERS = ["", "", "", "", "?", "*", "+", "+?", "{2}", "{1,3}", "{2,}", "{50}", "{}"]
OPENERS = ["(", "(?:", "(?P<value>", "(?i:", "(?m:", "(?s-m:", "(?-i:"]


def quantified(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(str.__add__, items, st.sampled_from(QUANTIFIERS))


def in_groups(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return groups of sequences and choices."""
    several = st.builds(str.join, st.sampled_from(["", "", "|"]), st.lists(inner, min_size=1, max_size=4))
    return quantified(st.builds("{}{})".format, st.sampled_from(OPENERS), several))


ATOMS = quantified(st.sampled_from(ALIKE * 10 + UNLIKE))
FLAGS = st.sampled_from(["", "", "(?i)", "(?m)", "(?s)"])
PATTERNS = st.builds(str.__add__, FLAGS, st.lists(st.recursive(ATOMS, in_groups), min_size=1, max_size=5).map("".join))
TEXTS = st.text(st.sampled_from("aAkK\u212asSſéÉ1_-. \\\n\r\v\f\t\x00{}[]()٣\u00a0\u2028"), max_size=12)


@settings(max_examples=200)
@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=5))
@example(r"id:\s[0-9]{4}", ["id:\v1234", "id:\f1234"])
@example(r"id:[\S]{2}", ["id:\v1"])
@example(r"pin [0-9]{4}$", ["pin 1234\n", "pin 1234"])
@example(r"(?m)pin [0-9]{4}$", ["pin 1234\n", "pin 1234"])
@example(r"(?:(?m:a$)b|c$)", ["c\n", "c", "a\nb"])
@example("(?i)kunde-[0-9]{4}", ["\u212aunde-1234"])
@example("(?i)müller", ["MÜLLER"])
@example(r"\d{2}|\bé\w", ["٣٣", "éa 12"])
@example(r"\b|abc", ["abc"])
@example("(?:a{100}){11}", ["a" * 1100])
def test_what_the_sdk_accepts_the_server_does_and_both_find_the_same(regex: str, texts: list[str]) -> None:
    if problem_in("mine", regex) is not None:
        return

    check_patterns({"mine": regex})
    server, sdk, mine = re2.compile(regex), compiled(regex), SecretPattern("mine", regex, ())

    for text in texts:
        assert list(spans_of(mine, sdk.finditer(text))) == list(spans_of(mine, server.finditer(text)))


@pytest.mark.parametrize(
    ("regex", "words"),
    [
        ("[[:digit:]]{3}-[[:digit:]]{2}", r"read differently: \[: within \[ \]"),
        ("[a[:digit:]", r"read differently: \[: within \[ \]"),
        ("[[(]x", r"read differently: \[ within \[ \]; put a \\ before each"),
        ("[+--]x", "read differently: -- within"),
        ("CASE-[0-9]{,8}X", r"read differently: \{,8\}; write the lower number"),
        ("ORD-[0-9]{08}", r"read differently: \{08\}; write the lower number, 0 too, and no 0 before it"),
        (r"(?i)[\W]x", r"read differently: \\W within \[ \] beside the flag i"),
        ("a++b", r"RE2 refuses: the possessive \+\+"),
        ("(?:ab)*+c", r"RE2 refuses: the possessive \*\+"),
        ("a{2}+b", r"RE2 refuses: the possessive \{2\}\+"),
        (r"abc\Z", r"RE2 refuses: the escape \\Z"),
        (r"\u0041bc", r"RE2 refuses: the escape \\u"),
        (r"[\u0041]b", r"RE2 refuses: the escape \\u"),
        (r"\N{DIGIT ONE}x", r"RE2 refuses: the escape \\N"),
        (r"[\1]x", r"RE2 refuses: the escape \\1"),
        (r"\éx", r"RE2 refuses: the escape \\é"),
        ("a{1001}", "RE2 refuses: more than 1000 of something"),
        ("(?:a{100}){11}", "RE2 refuses: more than 1000 of something"),
        ("(?:a{20,50}){21}", "RE2 refuses: more than 1000 of something"),
        (r"\b|abc", "matches an empty text"),
        ("(?m)^|abc", "matches an empty text"),
        ("\ud800", "half a surrogate pair"),
    ],
)
def test_what_the_two_engines_would_read_differently_is_refused_by_both(regex: str, words: str) -> None:
    assert_refused_by_both(regex, words)


@pytest.mark.parametrize("letter", ["i", "I", "ı", "İ"])
def test_of_the_letter_i_without_its_case_the_sdk_takes_more_and_never_less(letter: str) -> None:
    patterns = {"mine": f"(?i)x{letter}"}

    for text in ("xi", "XI", "xı", "xİ"):
        assert {*LinearFinder(patterns).find(text)} <= {*StandardFinder(patterns).find(text)}


@pytest.mark.parametrize(
    "regex", [r"x{}", r"\[[0-9]{1,1000}\]", r"[\[\]]x", r"[\s\S]{2}x", r"[^\]]x", "(?P<value>a{0,2}b)"]
)
def test_what_both_read_alike_is_accepted(regex: str) -> None:
    assert_taken_by_both(regex)
