"""Settings: one table, the environment over the defaults."""

from pathlib import Path

import pytest

from titan.model.errors import InvalidInput
from titan.settings import home_folder, setting, whole_number


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
