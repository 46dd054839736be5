"""JSON that Python's writers make and others do not read."""

import pytest

from titan.ingest.values import MOST_LEVELS, check_integers, check_levels, read_json, safe, shallow
from titan.model.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[[]]]", '[["[]"]]'),
        ('{"a[":[{"b":[]}]}', '{"a[":["{\\"b\\":[]}"]}'),
        ('[["]"],[1],[[2],[3]]]', '[["]"],[1],["[2]","[3]"]]'),
        ('["\\"[[[", {}]', '["\\"[[[", {}]'),
        ("1", "1"),
    ],
)
def test_a_value_that_is_too_deep_becomes_its_text(text: str, expected: str) -> None:
    assert shallow(text, levels=2) == expected


def test_a_body_is_read_however_deep_it_is() -> None:
    value = read_json(b'{"a":NaN,"b":' + b"[" * 5000 + b"]" * 5000 + b"}", what="the batch")

    below = value["b"]
    for _ in range(MOST_LEVELS - 2):
        [below] = below
    [text] = below
    assert text == "[" * (5001 - MOST_LEVELS) + "]" * (5001 - MOST_LEVELS)


@pytest.mark.parametrize("body", [b"{", b'"\xff"', b"[" * 5000])
def test_text_that_is_no_json_in_utf_8_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="expected JSON in UTF-8"):
        read_json(body, what="the batch")


@pytest.mark.timeout(60)  # what a text costs grows with its length, not with its square: it took minutes
def test_an_unterminated_text_and_long_numbers_are_checked_in_linear_time() -> None:
    endless = '"' + '\\"' * 1_000_000
    numbers = '["' + ("1" * 4300 + "x") * 10_000 + '"]'

    with pytest.raises(InvalidInput, match="expected JSON in UTF-8"):
        read_json(("[" * 2000 + endless).encode(), what="the batch")
    check_levels(endless + "[" * (MOST_LEVELS + 1))  # all of it is that text
    check_integers(numbers)
    assert safe(numbers) == numbers
    with pytest.raises(ValueError, match="4300 digits"):
        check_integers("1" * 4301)
