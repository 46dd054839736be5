"""Settings: one table, the environment over the defaults."""

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.sources import kept_texts
from titan.model.errors import InvalidInput
from titan.settings import (
    ON_OFF,
    SETTINGS,
    SWITCHES,
    counted,
    days,
    home_folder,
    is_on,
    number,
    one_of,
    setting,
    whole_number,
)
from titan_sdk import errors as sdk_errors
from titan_sdk.switches import is_on as is_on_for_sdk

ON = ("1", "true", "yes", "on", "TRUE", "Yes", "oN")
OFF = ("0", "false", "no", "off", "FALSE", "No", "oFF", "")
NEITHER = ("2", "enabled", "y", " ", "1 ", "none", "ja", "\u0130", "x" * 10_000)


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


@pytest.mark.parametrize("text", ["0", "6", "-1", "+1", "2.0", "many", "1_0", "٣", "9" * 30, " 3"])
def test_a_count_out_of_its_bounds_is_refused(text: str) -> None:
    name = "TITAN_INTERVENTIONS_LEAST"

    assert counted(name, {}, least=1, most=5) == 3
    assert counted(name, {name: "5"}, least=1, most=5) == 5
    with pytest.raises(InvalidInput, match=f"setting {name}: expected a whole number from 1 to 5; found '"):
        counted(name, {name: text}, least=1, most=5)


@pytest.mark.parametrize("text", ["1.01", "-0.1", "0,2", "20 %", "nan", "inf", "1e-1", ".5", "1_0", "0." + "3" * 10])
def test_a_measure_that_is_no_number_or_too_large_is_refused(text: str) -> None:
    name = "TITAN_INTERVENTIONS_RATE"

    assert number(name, {}, most=1) == Decimal("0.2")
    assert [number(name, {name: end}, most=1) for end in ("0", "0.35", "1")] == [0, Decimal("0.35"), 1]
    with pytest.raises(InvalidInput, match=f"setting {name}: expected a number from 0 to 1, as 0.5; found '"):
        number(name, {name: text}, most=1)


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_reads_the_same_words_in_server_and_sdk(name: str) -> None:
    for text, expected in [*((text, True) for text in ON), *((text, False) for text in OFF)]:
        assert is_on(name, {name: text}) is is_on_for_sdk(name, {name: text}) is expected, text
    for text in NEITHER:
        with pytest.raises(InvalidInput) as in_server:
            is_on(name, {name: text})
        with pytest.raises(sdk_errors.InvalidInput) as in_sdk:
            is_on_for_sdk(name, {name: text})
        assert str(in_server.value) == str(in_sdk.value)
        assert str(in_server.value).startswith(f"setting {name}: expected 1, true, yes or on, or 0, false, no, off")
        assert len(str(in_server.value)) < 200


def test_a_switch_that_is_not_set_has_its_default() -> None:
    assert {name for name in SWITCHES if is_on(name, {})} == {
        *("TITAN_RECORD", "TITAN_RECORD_CODE", "TITAN_RECORD_BODIES"),
    }
    assert {setting(name, {}) for name in SWITCHES} == {"0", "1"}


def test_no_setting_is_a_switch_in_disguise() -> None:
    words = re.compile(r"^(?:whether|any text|1:|0,|no:|yes)", re.I)

    assert [entry.name for entry in SETTINGS if entry.unit != ON_OFF and words.search(entry.help)] == []


def test_no_module_reads_a_switch_by_itself() -> None:
    names = "|".join(SWITCHES)
    by_itself = re.compile(rf"(?:\bget|getenv|setting|one_of)\(\s*\"(?:{names})\"|\[\"(?:{names})\"\](?! = )")

    found = [
        f"{path}: {match[0]}"
        for path, text in kept_texts()
        if path.endswith(".py") and not path.startswith("tests/")
        for match in by_itself.finditer(text)
        # What runs where no module of Titan may be installed compares with the 1 that workers set.
        if not text[match.end() :].startswith(') == "1"')
    ]

    assert found == []
