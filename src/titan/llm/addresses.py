"""Parse model addresses: `gemini/gemini-2.5-flash`, `http://host:port/v1#model`, `local`, `scripted:file`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from titan.model.errors import ModelNotConfigured

LOCAL: Final = "local"
SCRIPTED_PREFIX: Final = "scripted:"
RECORDED_PREFIX: Final = "recorded:"
#: The key for an address that is a URL; a provider has its own variable.
URL_KEY_VARIABLE: Final = "TITAN_MODEL_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAddress:
    """A model at an OpenAI-compatible endpoint."""

    name: str  #: the address as it was written
    base_url: str  #: what `/chat/completions` is appended to
    model: str  #: the name the endpoint knows it by
    key_variables: tuple[str, ...] = ()  #: where the key may be; the first that is set wins
    is_key_required: bool = True
    limit_field: str = "max_tokens"  #: the request's field for the most tokens of an answer
    provider: str | None = None  #: by OpenTelemetry's `gen_ai.provider.name`


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAddress:
    """The small model of the extra `local`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedAddress:
    """A file of prepared answers."""

    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAddress:
    """A file of recorded answers, which a replay writes for its server."""

    file: Path


ModelAddress: TypeAlias = EndpointAddress | LocalAddress | ScriptedAddress | RecordedAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A company or program that serves models under an OpenAI-compatible address."""

    base_url: str
    key_variables: tuple[str, ...]
    is_key_required: bool = True
    limit_field: str = "max_tokens"
    telemetry_name: str | None = None  #: OpenTelemetry's `gen_ai.provider.name`, where it is another than ours


# From each provider's page on OpenAI compatibility.
PROVIDERS: Final[Mapping[str, Provider]] = {
    "anthropic": Provider(base_url="https://api.anthropic.com/v1/", key_variables=("ANTHROPIC_API_KEY",)),
    "deepseek": Provider(base_url="https://api.deepseek.com/v1", key_variables=("DEEPSEEK_API_KEY",)),
    "gemini": Provider(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai/",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        telemetry_name="gcp.gemini",
    ),
    "groq": Provider(base_url="https://api.groq.com/openai/v1", key_variables=("GROQ_API_KEY",)),
    "mistral": Provider(
        base_url="https://api.mistral.ai/v1", key_variables=("MISTRAL_API_KEY",), telemetry_name="mistral_ai"
    ),
    "ollama": Provider(base_url="http://localhost:11434/v1", key_variables=(), is_key_required=False),
    "openai": Provider(
        base_url="https://api.openai.com/v1",
        key_variables=("OPENAI_API_KEY",),
        limit_field="max_completion_tokens",  # its reasoning models refuse max_tokens
    ),
    "openrouter": Provider(base_url="https://openrouter.ai/api/v1", key_variables=("OPENROUTER_API_KEY",)),
    "together": Provider(base_url="https://api.together.xyz/v1", key_variables=("TOGETHER_API_KEY",)),
    "xai": Provider(base_url="https://api.x.ai/v1", key_variables=("XAI_API_KEY",), telemetry_name="x_ai"),
}


def parse_address(text: str) -> ModelAddress:
    """Return the parsed address. A model's name may contain slashes: `openrouter/meta-llama/llama-3.3-70b`.

    Raises:
        ModelNotConfigured: the text is none of the four forms, or names an unknown provider.
    """
    if text == LOCAL:
        return LocalAddress()
    if text.startswith(SCRIPTED_PREFIX) and len(text) > len(SCRIPTED_PREFIX):
        return ScriptedAddress(file=Path(text.removeprefix(SCRIPTED_PREFIX)))
    if text.startswith(RECORDED_PREFIX):
        return RecordedAddress(file=Path(text.removeprefix(RECORDED_PREFIX)))
    if text.startswith(("http://", "https://")):
        return _url_address(text)
    return _provider_address(text)


def _url_address(text: str) -> EndpointAddress:
    base_url, _, model = text.partition("#")
    parts = urlsplit(base_url)
    if parts.username is not None or parts.password is not None:
        raise ModelNotConfigured(
            "model address (a URL)",
            expected="no user name or password in it",
            found=f"both or one of them before {parts.hostname}",
            next_step=f"Put the key into {URL_KEY_VARIABLE}.",
        )
    if not model or not parts.hostname:
        raise _not_an_address(text)
    return EndpointAddress(
        name=text, base_url=base_url, model=model, key_variables=(URL_KEY_VARIABLE,), is_key_required=False
    )


def _provider_address(text: str) -> EndpointAddress:
    provider_name, _, model = text.partition("/")
    provider = PROVIDERS.get(provider_name)
    if provider is None or not model:
        raise _not_an_address(text)
    return EndpointAddress(
        name=text,
        base_url=provider.base_url,
        model=model,
        key_variables=provider.key_variables,
        is_key_required=provider.is_key_required,
        limit_field=provider.limit_field,
        provider=provider.telemetry_name or provider_name,
    )


def _not_an_address(text: str) -> ModelNotConfigured:
    return ModelNotConfigured(
        f"model address {text!r}",
        expected=f"provider/model (provider: {', '.join(PROVIDERS)}), http://host:port/v1#model,"
        " local, scripted:file.json, or none",
        found="none of these",
        next_step="Correct TITAN_MODEL, for example TITAN_MODEL=gemini/gemini-2.5-flash.",
    )
