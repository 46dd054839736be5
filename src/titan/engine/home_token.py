"""The home's own token, read: what the worker and the command line of the same home show.

Apart from what writes it: they read it at each start, and shall not wait until the store's parts are loaded.
"""

from pathlib import Path
from typing import Final

from titan.rules import tokens

FILE: Final = "token"


def read_home_token(home: Path) -> str | None:
    """Return the token in a home, None when there is none that can be read."""
    try:
        text = (home / FILE).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if tokens.read(text) is not None else None


def home_token_id(home: Path) -> str | None:
    """Return the id of the token in a home, None when there is none that can be read."""
    own = tokens.read(read_home_token(home) or "")
    return None if own is None else own.id
