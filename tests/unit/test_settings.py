"""Settings: one table, the environment over the defaults."""

from datetime import timedelta
from pathlib import Path

import pytest

from titan.model.errors import InvalidInput
from titan.settings import days, home_folder, one_of, setting, whole_number


def test_the_environment_wins_over_the_default() -> None:
    assert setting("TITAN_PORT", {"TITAN_PORT": "9191"}) == "9191"
    assert setting("TITAN_PORT", {}) == "9090"


def test_an_empty_variable_means_the_default() -> None:
    assert setting("TITAN_PORT", {"TITAN_PORT": ""}) == "9090"


def test_a_number_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="setting TITAN_MAX_FILE_BYTES: expected a whole number; found 'many'"):
        whole_number("TITAN_MAX_FILE_BYTES", {"TITAN_MAX_FILE_BYTES": "many"})


def test_the_home_is_in_the_users_own_folder() -> None:
    assert home_folder({}) == Path.home() / ".titan"


def test_days_are_a_span_of_time_and_none_is_for_ever() -> None:
    assert days("TITAN_KEEP_RUNS_DAYS", {"TITAN_KEEP_RUNS_DAYS": "7"}) == timedelta(days=7)
    assert days("TITAN_KEEP_RUNS_DAYS", {"TITAN_KEEP_RUNS_DAYS": "0"}) is None
    assert days("TITAN_KEEP_RUNS_DAYS", {}) == timedelta(days=90)


def test_more_days_than_there_are_is_refused() -> None:
    with pytest.raises(InvalidInput, match="expected at most 100000 days, or 0 for ever; found 1000000000"):
        days("TITAN_KEEP_RUNS_DAYS", {"TITAN_KEEP_RUNS_DAYS": "1000000000"})


def test_a_setting_of_few_values_refuses_others() -> None:
    assert one_of("TITAN_LOG_FORMAT", ("text", "json"), {}) == "text"
    with pytest.raises(InvalidInput, match="setting TITAN_LOG_FORMAT: expected text or json; found 'xml'"):
        one_of("TITAN_LOG_FORMAT", ("text", "json"), {"TITAN_LOG_FORMAT": "xml"})
