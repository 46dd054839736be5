"""The home's own tokens, read: the command line of the same home shows one, its workers the other.

Apart from what writes them: they are read at each start, which shall not wait until the store's parts are loaded.
"""

from pathlib import Path
from typing import Final

from titan.rules import tokens

FILE: Final = "token"  #: of the command line: role admin
WORKER_FILE: Final = "worker-token"  #: of the home's workers: role worker


def read_home_token(home: Path, file: str = FILE) -> str | None:
    """Return a token in a home, None when there is none that can be read."""
    try:
        text = (home / file).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if tokens.read(text) is not None else None


def home_token_id(home: Path, file: str = FILE) -> str | None:
    """Return the id of a token in a home, None when there is none that can be read."""
    own = tokens.read(read_home_token(home, file) or "")
    return None if own is None else own.id
