"""Values read well: times, ages, durations, sizes and foreign text."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from titan.cli.views.formats import age, count, duration, in_words, moment, plain, size, until, with_local_times

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("elapsed", "shown"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(milliseconds=999), "now"),
        (timedelta(seconds=42), "42s"),
        (timedelta(minutes=59, seconds=59), "59m"),
        (timedelta(hours=23), "23h"),
        (timedelta(days=400), "400d"),
    ],
)
def test_an_age_is_shown_in_its_largest_unit(elapsed: timedelta, shown: str) -> None:
    assert age(NOON - elapsed, now=NOON) == shown


def test_a_moment_of_today_is_a_local_clock_time_and_an_age() -> None:
    assert moment(NOON - timedelta(minutes=2), now=NOON, zone=EAST) == "13:58:00 (2m)"


def test_a_moment_of_another_day_names_the_day() -> None:
    assert moment(NOON - timedelta(days=5), now=NOON, zone=EAST) == "7 Mar 14:00 (5d)"


def test_a_moment_of_another_year_names_the_year() -> None:
    assert moment(NOON - timedelta(days=365), now=NOON, zone=EAST) == "2025-03-12 (365d)"


def test_today_is_decided_by_the_local_day() -> None:
    late = datetime(2026, 3, 11, 23, 30, tzinfo=UTC)

    assert moment(late, now=late + timedelta(hours=1), zone=EAST) == "01:30:00 (1h)"


def test_a_future_moment_is_rounded_to_the_nearest_unit() -> None:
    just_short_of_thirty_days = NOON + timedelta(days=30, seconds=-1)

    assert until(just_short_of_thirty_days, now=NOON) == "in 30d"
    assert moment(NOON + timedelta(seconds=42), now=NOON, zone=EAST) == "14:00:42 (in 42s)"


def test_a_moment_that_has_not_come_is_a_dash() -> None:
    assert moment(None, now=NOON) == "-"


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (None, "-"),
        (timedelta(0), "0 ms"),
        (timedelta(microseconds=42), "42 µs"),
        (timedelta(microseconds=999), "999 µs"),
        (timedelta(milliseconds=12.44), "12.4 ms"),
        (timedelta(milliseconds=523.4), "523 ms"),
        (timedelta(milliseconds=999.6), "1.0 s"),
        (timedelta(seconds=3.29), "3.3 s"),
        (timedelta(seconds=11.091), "11.1 s"),
        (timedelta(seconds=59.94), "59.9 s"),
        (timedelta(seconds=59.96), "1 min 0 s"),
        (timedelta(minutes=59, seconds=59.6), "1 h 0 min"),
        (timedelta(hours=23, minutes=59, seconds=59), "1 d 0 h"),
        (timedelta(minutes=4, seconds=5), "4 min 5 s"),
        (timedelta(hours=2, minutes=5), "2 h 5 min"),
        (timedelta(days=1, hours=3), "1 d 3 h"),
        (timedelta(seconds=-1), "0 ms"),
    ],
)
def test_a_duration_has_at_most_two_units_and_is_rounded_to_the_smaller(length: timedelta | None, shown: str) -> None:
    assert duration(length) == shown


def test_a_duration_that_is_known_to_the_nanosecond_is_shown_so() -> None:
    assert [in_words(0.00002), in_words(0.00702), in_words(0.9996)] == ["0.02 µs", "7.02 µs", "1 ms"]


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (34 * 2**20, "34.0 MiB"),
        (2**50, "1024.0 TiB"),
    ],
)
def test_a_size_is_shown_in_its_largest_binary_unit(size_bytes: int | None, shown: str) -> None:
    assert size(size_bytes) == shown


def test_foreign_text_cannot_move_the_cursor_or_start_a_line() -> None:
    assert plain("a\x1b[2Jb\nc\u202ed") == r"a\x1b[2Jb\nc\u202ed"


def test_text_of_any_script_stays_as_it_is() -> None:
    assert plain("Überschrift 表 🚀 [bold]") == "Überschrift 表 🚀 [bold]"


def test_one_is_singular_and_thousands_are_grouped() -> None:
    assert [count(number, "job") for number in (0, 1, 1200)] == ["0 jobs", "1 job", "1,200 jobs"]


def test_times_in_a_text_of_the_server_are_shown_in_local_time() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    text = "waits for approval until 2026-03-01T16:26:45.791415Z, or 2026-03-02T01:00:00.000+00:00: go on?"

    shown = with_local_times(text, now=now, zone=timezone(timedelta(hours=-5)))

    assert shown == "waits for approval until 11:26:45, or 20:00:00: go on?"
