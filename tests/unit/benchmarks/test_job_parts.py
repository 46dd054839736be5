"""A job's time by part: what is recorded of it anyway says where it went, and nothing is counted twice."""

from __future__ import annotations

import pytest

from benchmarks.job_parts import PARTS, Waited, parts_of, rows_of_parts
from benchmarks.rows import REPORTED

NOON = 1_763_899_200.0  #: 2025-11-23T12:00:00Z
WAITED = Waited(sent=NOON, accepted=NOON + 0.005, seen=NOON + 0.015)


def a_job(started_at: str) -> dict[str, object]:
    """Return what the server says of a job of 1.5 ms that it took at 2 ms past noon, and saw ended at 12 ms past."""
    ended_at = "2025-11-23T12:00:00.012000Z"
    attempt = {"started_at": started_at, "duration_ns": 1_500_000, "ended_at": ended_at}
    return {"submitted_at": "2025-11-23T12:00:00.002000Z", "attempts": [attempt]}


def test_each_part_ends_where_the_next_begins() -> None:
    parts = parts_of(WAITED, a_job("2025-11-23T12:00:00.009000Z"))

    assert parts == pytest.approx([2, 3, 4, 1.5, 1.5, 3], abs=0.001)


def test_the_parts_add_up_to_the_time_the_client_waited() -> None:
    parts = parts_of(WAITED, a_job("2025-11-23T12:00:00.009000Z"))

    assert sum(parts) == pytest.approx(WAITED.milliseconds)


def test_a_process_may_start_before_the_client_has_read_its_receipt() -> None:
    parts = parts_of(WAITED, a_job("2025-11-23T12:00:00.004000Z"))

    assert parts[2] == pytest.approx(-1, abs=0.001)


def test_a_row_of_each_part_has_a_median_for_each_round_and_no_target() -> None:
    one, two, three = ([float(n + number) for number in range(len(PARTS))] for n in (1, 2, 9))

    rows = list(rows_of_parts([[one, two, three], [three]]))

    assert [row.what for row in rows] == [f"of it: {part}" for part in PARTS]
    assert [list(row.titan) for row in rows][:2] == [[2.0, 9.0], [3.0, 10.0]]
    assert {row.target for row in rows} == {REPORTED}
