"""Creates a home's own tokens: files that only its owner can read, for its workers and its command line."""

import os
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from titan import tokens as decisions
from titan.home.identity import TOKEN_FILE, WORKER_TOKEN_FILE, home_token_id, read_home_token
from titan.model.errors import StoreUnavailable
from titan.model.tokens import Role, Token
from titan.ports.jobs_store import Reader, Store
from titan.ports.runtime import Ids
from titan.rules import tokens

NAMES: Final = {TOKEN_FILE: ("home", Role.ADMIN), WORKER_TOKEN_FILE: ("home workers", Role.WORKER)}


def keep_home_tokens(store: Store, home: Path, *, ids: Ids, now: datetime) -> None:
    """Ensure that the home has valid tokens, replacing revoked and lost ones.

    Raises:
        StoreError: one could not be stored, or its file not be written.
    """
    for file in NAMES:
        keep_home_token(store, home, file, ids=ids, now=now)


def keep_home_token(store: Store, home: Path, file: str, *, ids: Ids, now: datetime) -> None:
    """Ensure that one file of the home has a valid token.

    Raises:
        StoreError: it could not be stored, or the file not be written.
    """
    if store.read(partial(_stored, home=home, file=file, now=now)) is None:
        name, role = NAMES[file]
        new = decisions.NewToken(name=name, role=role, is_trusted=role is Role.WORKER)
        _keep(store, new, home / file, ids)


def _keep(store: Store, new: decisions.NewToken, file: Path, ids: Ids) -> None:
    minted = store.transact(lambda tx: decisions.create(tx, new, ids=ids, cause="titan up")).result()
    try:
        _write(file, minted.text)
    except OSError as error:
        raise StoreUnavailable(
            f"home token {file}",
            expected="a folder that can be written",
            found=error.strerror or str(error),
            next_step="Look at the disk and the permissions of the home.",
        ) from error


def other_tokens(reader: Reader, home: Path, *, now: datetime) -> list[Token]:
    """Return the valid tokens that are not this home's own."""
    own_ids = {home_token_id(home, file) for file in NAMES}
    return [token for token in decisions.good_tokens(reader, now=now) if token.id not in own_ids]


def _stored(reader: Reader, *, home: Path, file: str, now: datetime) -> Token | None:
    """Return the valid token in the home's file."""
    shown = tokens.read(read_home_token(home, file) or "")
    token = None if shown is None else reader.token(shown.id)
    if shown is None or token is None or not tokens.fits(token, shown.secret):
        return None
    return token if token.role is NAMES[file][1] and tokens.why_over(token, now=now) is None else None


def _write(file: Path, text: str) -> None:
    """Write the file, readable by its owner only, whole or not at all."""
    unfinished = file.with_name(f"{file.name}.partial")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{text}\n")
    unfinished.replace(file)
