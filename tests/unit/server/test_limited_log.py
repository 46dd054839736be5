"""A line that strangers can cause fills no disk."""

from __future__ import annotations

import logging

import pytest

from titan.server.http.connections import LimitedLog


def test_a_second_line_waits_its_time_and_says_how_many_were_left_out(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    log = LimitedLog(logging.getLogger("titan.test"), every_seconds=1.0, clock=lambda: now)

    with caplog.at_level(logging.WARNING):
        log.note("first")
        now = 0.5
        log.note("second")
        log.note("third")
        now = 1.5
        log.note("fourth")

    assert [record.getMessage() for record in caplog.records] == [
        "first",
        "fourth (2 more since the last such line)",
    ]
