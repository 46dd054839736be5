"""Which model an address, an environment and a home open."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from titan.llm.local import LocalModel, find_model_file
from titan.llm.openai_compatible import OpenAICompatibleModel
from titan.llm.registry import open_model
from titan.model.errors import ModelNotConfigured


def opened_name(home: Path, address: str | None = None, environment: Mapping[str, str] | None = None) -> str | None:
    """Return the name of the model that is opened where the working directory has no `.env`."""
    working_directory = home / "here"
    working_directory.mkdir(exist_ok=True)
    with contextlib.chdir(working_directory):
        model = open_model(address, environment or {}, home)
    return None if model is None else model.name


def test_the_address_wins_over_the_environment(tmp_path: Path) -> None:
    environment = {"TITAN_MODEL": "openai/gpt-4o-mini", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k"}

    assert opened_name(tmp_path, "gemini/gemini-2.5-pro", environment) == "gemini/gemini-2.5-pro"
    assert opened_name(tmp_path, None, environment) == "openai/gpt-4o-mini"


def test_the_home_may_hold_address_and_key(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TITAN_MODEL=mistral/mistral-small-latest\nMISTRAL_API_KEY=k\n")

    assert opened_name(tmp_path) == "mistral/mistral-small-latest"


def test_the_working_directory_wins_over_the_home(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / ".env").write_text("TITAN_MODEL=ollama/llama3\n")
    (tmp_path / ".env").write_text("TITAN_MODEL=ollama/mistral\n")

    assert opened_name(tmp_path) == "ollama/llama3"


def test_a_gemini_key_alone_is_enough(tmp_path: Path) -> None:
    assert opened_name(tmp_path, None, {"GEMINI_API_KEY": "k"}) == "gemini/gemini-2.5-flash"


def test_with_nothing_said_the_local_model_answers_where_it_is_installed(tmp_path: Path) -> None:
    expected = None if find_model_file() is None else "local/SmolLM2-135M-Instruct"

    assert opened_name(tmp_path) == expected


def test_none_means_none(tmp_path: Path) -> None:
    assert opened_name(tmp_path, "none", {"GEMINI_API_KEY": "k"}) is None


def test_a_missing_key_is_named_with_the_place_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(ModelNotConfigured) as refused:
        open_model("gemini/gemini-2.5-flash", {}, tmp_path)

    assert refused.value.expected == "a key in GEMINI_API_KEY or GOOGLE_API_KEY"
    assert "GEMINI_API_KEY=… into .env" in refused.value.next_step


def test_an_address_on_this_machine_needs_no_key(tmp_path: Path) -> None:
    model = open_model("http://localhost:11434/v1#llama3", {}, tmp_path)

    assert isinstance(model, OpenAICompatibleModel)


def test_opening_the_local_model_starts_nothing(tmp_path: Path) -> None:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    before = children.read_text()

    if find_model_file() is not None:
        assert isinstance(open_model("local", {}, tmp_path), LocalModel)

    assert children.read_text() == before
