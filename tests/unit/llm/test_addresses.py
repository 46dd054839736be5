"""What TITAN_MODEL may say."""

from pathlib import Path

import pytest

from titan.llm.addresses import PROVIDERS, EndpointAddress, LocalAddress, ScriptedAddress, parse_address
from titan.model.errors import ModelNotConfigured


def test_a_provider_and_its_model() -> None:
    assert parse_address("gemini/gemini-2.5-flash") == EndpointAddress(
        name="gemini/gemini-2.5-flash",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai/",
        model="gemini-2.5-flash",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        provider="gcp.gemini",
    )


@pytest.mark.parametrize(
    ("address", "provider"),
    [("openai/gpt-4o-mini", "openai"), ("xai/grok-4", "x_ai"), ("http://localhost:11434/v1#llama3", None)],
)
def test_who_serves_a_model_is_named_as_telemetry_names_it(address: str, provider: str | None) -> None:
    parsed = parse_address(address)

    assert isinstance(parsed, EndpointAddress)
    assert parsed.provider == provider


def test_a_models_own_name_may_hold_slashes() -> None:
    address = parse_address("openrouter/meta-llama/llama-3.3-70b-instruct")

    assert isinstance(address, EndpointAddress)
    assert address.model == "meta-llama/llama-3.3-70b-instruct"


def test_openai_takes_its_token_limit_under_another_name() -> None:
    address = parse_address("openai/gpt-4o-mini")

    assert isinstance(address, EndpointAddress)
    assert (address.limit_field, address.key_variables) == ("max_completion_tokens", ("OPENAI_API_KEY",))


def test_a_url_names_its_model_behind_the_hash_and_needs_no_key() -> None:
    assert parse_address("http://localhost:11434/v1#llama3") == EndpointAddress(
        name="http://localhost:11434/v1#llama3",
        base_url="http://localhost:11434/v1",
        model="llama3",
        key_variables=("TITAN_MODEL_KEY",),
        is_key_required=False,
    )


def test_the_local_model_and_a_script() -> None:
    assert parse_address("local") == LocalAddress()
    assert parse_address("scripted:answers.json") == ScriptedAddress(file=Path("answers.json"))


@pytest.mark.parametrize(
    "text",
    ["gemini", "gemini/", "nobody/gpt-4", "scripted:", "http://localhost:11434/v1", "http://#llama3", "Local", ""],
)
def test_anything_else_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(ModelNotConfigured, match=r"expected provider/model \(provider: anthropic, .*\), http://host"):
        parse_address(text)


def test_a_key_in_a_url_is_refused_without_being_repeated() -> None:
    with pytest.raises(ModelNotConfigured) as refused:
        parse_address("https://me:s3cret@models.example/v1#big")

    assert "s3cret" not in str(refused.value)
    assert "TITAN_MODEL_KEY" in refused.value.next_step


def test_every_provider_that_is_not_on_this_machine_needs_a_key_over_https() -> None:
    remote = {name: provider for name, provider in PROVIDERS.items() if provider.is_key_required}

    assert set(PROVIDERS) - set(remote) == {"ollama"}
    assert all(provider.base_url.startswith("https://") and provider.key_variables for provider in remote.values())
