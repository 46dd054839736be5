"""A list is looked through until enough rows fit, and no further than what one request may cost."""

import pytest

from titan.server.lookup import MOST_LOOKED_AT, Page, filtered_page, parse_ids


def found(fits: str, *, limit: int, before: str | None = None, length: int = 100_000) -> Page[str]:
    """Look for numbers that end so in a list that counts down from `length`."""

    def read(behind: str | None, limit: int) -> list[str]:
        first = length if behind is None else int(behind) - 1
        return [str(number) for number in range(first, max(0, first - limit), -1)]

    def fitting(rows: list[str]) -> list[str]:
        return [row for row in rows if row.endswith(fits)]

    return filtered_page(read, fitting, id_of=str, before=before, limit=limit)


def test_a_page_ends_at_its_limit_and_says_behind_which_row_the_next_begins() -> None:
    assert found("0", limit=2) == Page(rows=["100000", "99990"], more=True, next="99990")
    assert found("0", limit=2, before="99990") == Page(rows=["99980", "99970"], more=True, next="99970")


def test_the_end_of_a_list_is_known_as_such() -> None:
    assert found("0", limit=10, length=30) == Page(rows=["30", "20", "10"], more=False, next=None)
    assert found("0", limit=3, length=30) == Page(rows=["30", "20", "10"], more=False, next=None)
    assert found("0", limit=3, length=0) == Page(rows=[], more=False, next=None)


def test_a_search_for_a_rare_text_stops_and_can_continue() -> None:
    part = found("77777", limit=5)

    assert part.rows == ["77777"] if int(part.next or 0) < 77777 else part.rows == []
    assert part.more
    assert 100_000 - int(part.next or 0) < MOST_LOOKED_AT + 1001


def test_parts_of_a_search_joined_are_the_whole() -> None:
    rows, part = [], found("999", limit=7)
    while part.more:
        rows += part.rows
        part = found("999", limit=7, before=part.next)

    assert [*rows, *part.rows] == [f"{number}999" for number in range(99, 0, -1)] + ["999"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("a,b,a", ["a", "b"]),
        ('["a,b","c","c"]', ["a,b", "c"]),
        ("[1,b", ["[1", "b"]),
        ("[1]", ["[1]"]),
        ("", [""]),
    ],
)
def test_ids_are_separated_by_commas_or_in_a_json_list(text: str, ids: list[str]) -> None:
    assert parse_ids(text) == ids
