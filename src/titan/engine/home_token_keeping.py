"""The home's own token, kept: a file that only its owner can read, for the worker and command line of the same home."""

import os
from datetime import datetime
from pathlib import Path
from typing import Final

from titan.engine import tokens as decisions
from titan.engine.home_token import FILE, home_token_id, read_home_token
from titan.model.errors import StoreUnavailable
from titan.model.tokens import Role, Token
from titan.ports import Ids, Reader, Store
from titan.rules import tokens

NAME: Final = "home"


def keep_home_token(store: Store, home: Path, project_id: str, *, ids: Ids, now: datetime) -> None:
    """See to it that the home holds a token that is good now; one that is revoked or lost is replaced.

    Raises:
        StoreError: it could not be stored, or its file not be written.
    """
    if store.read(lambda reader: _stored(reader, home, now)) is not None:
        return
    new = decisions.NewToken(project_id=project_id, name=NAME, role=Role.ADMIN)
    minted = store.transact(lambda tx: decisions.create(tx, new, ids=ids, cause="titan up")).result()
    try:
        _write(home / FILE, minted.text)
    except OSError as error:
        raise StoreUnavailable(
            f"home token {home / FILE}",
            expected="a folder that can be written",
            found=error.strerror or str(error),
            next_step="Look at the disk and the permissions of the home.",
        ) from error


def other_tokens(reader: Reader, home: Path, project_id: str, *, now: datetime) -> list[Token]:
    """Return the tokens that others than this home could show now."""
    own_id = home_token_id(home)
    return [token for token in decisions.good_tokens(reader, project_id, now=now) if token.id != own_id]


def _stored(reader: Reader, home: Path, now: datetime) -> Token | None:
    """Return the good token that the home's file shows."""
    shown = tokens.read(read_home_token(home) or "")
    token = None if shown is None else reader.token(shown.id)
    if shown is None or token is None or not tokens.fits(token, shown.secret):
        return None
    return token if token.role is Role.ADMIN and tokens.why_over(token, now=now) is None else None


def _write(file: Path, text: str) -> None:
    """Write the file for its owner only, whole or not at all."""
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{text}\n")
    partial.replace(file)
