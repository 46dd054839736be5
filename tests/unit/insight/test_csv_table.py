"""A table as CSV: any value in a cell, none that a spreadsheet would run."""

from datetime import UTC, datetime
from decimal import Decimal

from titan.insight.export import csv_table


def test_a_table_has_its_header_and_each_value_as_text_that_no_spreadsheet_runs() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    rows: list[list[object]] = [["=1+1", None, True, 7], [("a", "b"), at, Decimal("0.01"), 'say "hi"']]

    table = b"".join(csv_table(["a", "b", "c", "d"], rows))

    assert table == b"a,b,c,d\r\n'=1+1,,true,7\r\n" + b'"a, b",2026-03-01T12:00:00Z,0.01,"say ""hi"""\r\n'


def test_a_table_without_rows_has_its_header() -> None:
    assert b"".join(csv_table(["a", "b"], [])) == b"a,b\r\n"
