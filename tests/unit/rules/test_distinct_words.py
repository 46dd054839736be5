"""The words of a large text: each once, whatever JSON writes for its letters."""

import json

import pytest

from titan.rules.runs.content import LONGEST, MOST_KEPT, MOST_READ, distinct_words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Title": "A word, a WORD"}, "title a word"),
        ("line\nnext\ttab\\back", "line next tab back"),
        ("Köln \U0001f600 end", "köln end"),
        (["x" * LONGEST, "y" * (LONGEST + 1), 12.5, None], f"{'x' * LONGEST} 12 5 null"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("is_ascii", [True, False])
def test_words_come_once_in_small_letters(value: object, words: str, is_ascii: bool) -> None:
    assert distinct_words(json.dumps(value, ensure_ascii=is_ascii)) == words


def test_no_more_is_read_and_kept_than_there_is_room_for() -> None:
    many = " ".join(f"w{number}" for number in range(100_000))

    assert MOST_KEPT - 10 < len(distinct_words(many)) <= MOST_KEPT
    assert distinct_words("a " * (MOST_READ // 2) + "beyond") == "a"
