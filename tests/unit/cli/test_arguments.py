"""What a person types becomes values, or an error that says what was expected."""

from typing import TypeVar

import pytest

from titan.cli.arguments import (
    parse_arguments,
    parse_environment,
    parse_host_names,
    parse_offers,
    parse_per_job,
    parse_seconds,
    parse_text,
    parse_whole_number,
)
from titan.cli.exit_codes import CommandFailed, ExitCode

ValueT = TypeVar("ValueT")


def test_offers_become_slots_by_label() -> None:
    assert parse_offers(["GENERAL:4", "GPU:0", "x_1.a-b:1024"]) == {"GENERAL": 4, "GPU": 0, "x_1.a-b": 1024}


def test_names_of_hosts_are_taken_in_lower_case() -> None:
    assert parse_host_names(["Titan.example.org", "10.0.0.7"]) == {"titan.example.org", "10.0.0.7"}


@pytest.mark.parametrize("text", ["", "https://h", "h:5000", "h/", "*.example.org", "a b", ".h", "-h", "ü", "x" * 254])
def test_an_invalid_host_name_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="without scheme and port"):
        parse_host_names([text])


@pytest.mark.parametrize("text", ["GENERAL", ":4", "GE NERAL:4", "-x:1", f"{'x' * 65}:1", "", "é:1"])
def test_an_offer_without_a_good_label_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match=r"expected LABEL:N, the label 1 to 64 ASCII letters") as refused:
        parse_offers([text])

    assert refused.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("text", ["GPU:", "GPU:x", "GPU:-1", "GPU:1025", "GPU:1.5", "GPU:99999999999", "GPU:²"])
def test_an_offer_without_a_good_number_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="expected a number of slots from 0 to 1024 after the colon"):
        parse_offers([text])


def test_a_label_offered_twice_is_refused() -> None:
    with pytest.raises(CommandFailed, match=r"found GPU offered before as GPU:1\. Add the slots up"):
        parse_offers(["GPU:1", "GPU:2"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("1.5m", 90),
        ("2 h", 7200),
        ("1d", 86400),
        ("250ms", 0.25),
        ("0", 0),
        ("3min", 180),
    ],
)
def test_a_length_of_time_takes_common_units(text: str, seconds: float) -> None:
    assert parse_seconds("--timeout", text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "ten", "5 weeks", "1e3", "nan", "inf", "5m3s"])
def test_another_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="expected a length of time such as 90, 90s, 5m, 2h or 250ms"):
        parse_seconds("--timeout", text)


def test_a_setting_counts_for_all_jobs_and_a_named_one_for_its_job() -> None:
    retries = parse_per_job("--retries", ["1", "train=3"], ["extract", "train"], parse_whole_number)

    assert retries == {"extract": 1, "train": 3}


def test_a_setting_that_was_not_given_is_left_to_the_server() -> None:
    assert parse_per_job("--requires", [], ["extract"], parse_text) == {}


def test_a_setting_for_an_unknown_job_names_those_there_are() -> None:
    with pytest.raises(CommandFailed, match=r"expected a job of this submission \(extract, train\); found 'trian'"):
        parse_per_job("--retries", ["trian=3"], ["extract", "train"], parse_whole_number)


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(CommandFailed, match="--priority 'high': expected a whole number; found 'high'"):
        parse_per_job("--priority", ["high"], ["train"], parse_whole_number)


def test_arguments_of_a_single_script_are_taken_as_they_are() -> None:
    assert parse_arguments(["a=b", ""], ["--epochs", "3"], ["train"]) == {"train": ["a=b", "", "--epochs", "3"]}


def test_arguments_of_several_scripts_say_whose_they_are() -> None:
    texts = ["train=--epochs=3", "extract=in.csv", "train=fast"]

    assert parse_arguments(texts, [], ["extract", "train"]) == {
        "extract": ["in.csv"],
        "train": ["--epochs=3", "fast"],
    }


def test_arguments_behind_two_dashes_need_a_single_script() -> None:
    with pytest.raises(CommandFailed, match=r"found 2 scripts\. Say whose they are: --arg extract=--fast"):
        parse_arguments([], ["--fast"], ["extract", "train"])


def test_the_environment_keeps_everything_after_the_first_equals_sign() -> None:
    assert parse_environment(["A=1", "B=x=y", "A=2", "C="]) == {"A": "2", "B": "x=y", "C": ""}


@pytest.mark.parametrize("text", ["A", "=x", ""])
def test_an_environment_entry_without_name_or_value_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="expected KEY=VALUE"):
        parse_environment([text])
