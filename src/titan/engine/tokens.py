"""Tokens made, used and revoked: each a short decision for `Store.transact`."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from titan.model.errors import InvalidInput, UnknownToken
from titan.model.events import Subject, TokenCreated, TokenRevoked
from titan.model.tokens import Role, SignIn, Token
from titan.ports import Ids, Reader, Transaction
from titan.rules import tokens
from titan.rules.names import shown

USE_NOTED_EVERY: Final = timedelta(minutes=1)  # a durable commit per request would halve what the server can do

SIGNED_IN_FOR: Final = timedelta(days=30)  # then a person shows the token once more


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What is asked for."""

    name: str
    role: Role
    expires_in: timedelta | None = None  #: None: never
    is_trusted: bool = False  #: see `Token`; only with role worker, as the next
    labels: tuple[str, ...] | None = None
    project_id: str | None = None  #: see `Token`; not with role worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A token that was just made, with the text that is shown once and kept nowhere."""

    token: Token
    text: str


def create(tx: Transaction, new: NewToken, *, ids: Ids, cause: str) -> Minted:
    """Make and store a token.

    Raises:
        InvalidInput: it is trusted or has labels, and is not of role worker; or it is, and is limited to a project.
    """
    if (new.is_trusted or new.labels is not None) and new.role is not Role.WORKER:
        raise InvalidInput(
            f"token {shown(new.name)}",
            expected="role worker, for a token that is trusted or limited to labels",
            found=f"role {new.role.value}",
            next_step="Leave `trusted` and `labels` out: they are about workers.",
        )
    if new.project_id is not None and new.role is Role.WORKER:
        raise InvalidInput(
            f"token {shown(new.name)}",
            expected="role admin or viewer, for a token that is limited to a project",
            found="role worker",
            next_step="Leave `project` out: workers take jobs of every project.",
        )
    secret = (ids.secret() + ids.secret())[: tokens.SECRET_DIGITS]
    token = Token(
        project_id=new.project_id,
        id=ids.secret()[: tokens.ID_DIGITS],
        name=new.name,
        role=new.role,
        hash=tokens.hash_of(secret),
        created_at=tx.now,
        expires_at=None if new.expires_in is None else tx.now + new.expires_in,
        is_trusted=new.is_trusted,
        labels=new.labels,
    )
    tx.add_token(token)
    event = TokenCreated(cause=cause, token_id=token.id, name=token.name, role=token.role)
    tx.record(Subject(project_id=token.project_id), event)
    return Minted(token=token, text=tokens.written(token.id, secret))


def revoke(tx: Transaction, token_id: str, *, within: str | None = None, cause: str) -> Token:
    """Revoke a token, of the project `within` if one is given; one that was revoked before stays as it was.

    Raises:
        UnknownToken: there is none of this id, or it is not limited to that project.
    """
    token = tx.token(token_id)
    if token is None or within not in (None, token.project_id):
        raise UnknownToken(
            f"token {shown(token_id)}",
            expected="the id of a token",
            found="none such",
            next_step="List them with `titan tokens list` or GET /api/tokens.",
        )
    if token.revoked_at is not None:
        return token
    revoked = replace(token, revoked_at=tx.now)
    tx.save_token(revoked)
    tx.record(Subject(project_id=token.project_id), TokenRevoked(cause=cause, token_id=token.id, name=token.name))
    return revoked


def sign_in(tx: Transaction, token: Token, *, ids: Ids) -> tuple[SignIn, str]:
    """Store that a browser is signed in with this token; return that, and what the browser shows from now on.

    It ends with the token, when that expires or is revoked, and a month later at the latest.
    """
    tx.forget_sign_ins(before=tx.now)
    secret = (ids.secret() + ids.secret())[: tokens.SECRET_DIGITS]
    lasts_until = tx.now + SIGNED_IN_FOR
    made = SignIn(
        hash=tokens.hash_of(secret),
        token_id=token.id,
        created_at=tx.now,
        expires_at=lasts_until if token.expires_at is None else min(lasts_until, token.expires_at),
    )
    tx.add_sign_in(made)
    return made, secret


def signed_in_token(reader: Reader, secret: str, *, now: datetime) -> Token | None:
    """Return the token that the browser with this secret was signed in with, if that is good still."""
    found = reader.sign_in(tokens.hash_of(secret))
    if found is None or found.expires_at <= now:
        return None
    token = reader.token(found.token_id)
    return token if token is not None and tokens.why_over(token, now=now) is None else None


def sign_out(tx: Transaction, secret: str) -> bool:
    """Forget a sign-in; return whether there was one."""
    return tx.forget_sign_in(tokens.hash_of(secret))


def note_use(tx: Transaction, token_id: str) -> None:
    """Note that a token was used now."""
    token = tx.token(token_id)
    if token is not None and is_note_due(token, now=tx.now):
        tx.save_token(replace(token, last_used_at=tx.now))


def is_note_due(token: Token, *, now: datetime) -> bool:
    """Return whether the last use that is noted lies a minute back."""
    return token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY


def good_tokens(reader: Reader, *, now: datetime) -> list[Token]:
    """Return the tokens that open something now, newest first."""
    return [token for token in reader.tokens() if tokens.why_over(token, now=now) is None]
