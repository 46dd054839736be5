"""Keys and settings from `.env`."""

from pathlib import Path

import pytest

from titan.llm.registry import model_environment, parse_dotenv
from titan.model.errors import ModelNotConfigured


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=abc", "abc"),
        ("  KEY = abc  ", "abc"),
        ("export KEY=abc", "abc"),
        ("KEY=abc # the key of my account", "abc"),
        ("KEY=abc#def", "abc#def"),
        ("KEY=", ""),
        ("KEY=# nothing yet", ""),
        ("KEY='a b # c'", "a b # c"),
        ('KEY="a b # c" # comment', "a b # c"),
        (r'KEY="line\nline \"quoted\" back\\slash"', 'line\nline "quoted" back\\slash'),
        (r"KEY='as\nit is'", r"as\nit is"),
        ("KEY=$HOME/${OTHER}", "$HOME/${OTHER}"),
        ('KEY="never closed', '"never closed'),
    ],
)
def test_an_assignment_is_read_as_a_shell_would_without_interpolation(line: str, value: str) -> None:
    assert parse_dotenv(line) == {"KEY": value}


def test_other_lines_are_passed_over_and_the_last_assignment_wins() -> None:
    text = "# comment\n\nnot an assignment\n1KEY=x\r\nKEY=first\nKEY=second\r\n"

    assert parse_dotenv(text) == {"KEY": "second"}


def test_the_environment_wins_over_files_and_the_first_folder_over_the_second(tmp_path: Path) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    home.mkdir()
    (here / ".env").write_text("A=here\nB=here\n")
    (home / ".env").write_text("A=home\nB=home\nC=home\n")

    assert model_environment({"A": "set"}, [here, home]) == {"A": "set", "B": "here", "C": "home"}


def test_an_empty_variable_does_not_hide_the_files_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GEMINI_API_KEY=from the file\n")

    assert model_environment({"GEMINI_API_KEY": ""}, [tmp_path]) == {"GEMINI_API_KEY": "from the file"}


def test_a_folder_called_dotenv_and_a_missing_file_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    assert model_environment({}, [tmp_path, tmp_path / "missing"]) == {}


def test_a_byte_order_mark_and_bytes_that_are_not_utf8_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfKEY=abc\nNAME=J\xf6rg\n")

    assert model_environment({}, [tmp_path])["KEY"] == "abc"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to("/proc/self/mem")

    with pytest.raises(ModelNotConfigured, match=r"\.env: expected a readable file"):
        model_environment({}, [tmp_path])
