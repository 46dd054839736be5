"""Settings and keys from `.env` files, so that a key need not be exported in every shell."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from titan.model.errors import ModelNotConfigured

_ASSIGNMENT: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_QUOTED: Final = re.compile(r"""'([^']*)'\s*(?:#.*)?|"((?:[^"\\]|\\.)*)"\s*(?:#.*)?""")
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}


def model_environment(environment: Mapping[str, str], folders: Sequence[Path]) -> dict[str, str]:
    """Return `environment` with what the folders' `.env` files add to it.

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
    r"""Return the assignments in `text`. Other lines are passed over, for other tools read this file too.

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
