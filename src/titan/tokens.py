"""Creates, checks and revokes tokens, sign-ins and organisations: each function runs in `Store.transact`."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from titan.model.errors import Conflict, InvalidInput, UnknownToken
from titan.model.events import Subject, TokenCreated, TokenRevoked
from titan.model.projects import ORGANISATION
from titan.model.tokens import Organisation, Role, Scope, SignIn, Token
from titan.ports.jobs_store import Reader, Transaction
from titan.ports.runtime import Ids
from titan.rules import tokens
from titan.rules.names import shown

USE_NOTED_EVERY: Final = timedelta(minutes=1)  # a durable commit per request would halve the throughput

SIGNED_IN_FOR: Final = timedelta(days=30)  # then a person enters the token again


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token to be created."""

    name: str
    role: Role
    expires_in: timedelta | None = None  #: None: never
    is_trusted: bool = False  #: see `Token`; only with role worker, as the next
    labels: tuple[str, ...] | None = None
    project_id: str | None = None  #: see `Token`; not with role worker
    organisation_id: str = ORGANISATION
    scopes: tuple[Scope, ...] | None = None  #: with role key


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A new token with its text, which is shown once and not stored."""

    token: Token
    text: str


def create(tx: Transaction, new: NewToken, *, ids: Ids, cause: str) -> Minted:
    """Make and store a token.

    Raises:
        InvalidInput: its fields contradict each other, or there is no such organisation.
    """
    _check(new)
    if not is_known(tx, new.organisation_id):
        raise unknown_organisation(new.organisation_id)
    secret = (ids.secret() + ids.secret())[: tokens.SECRET_DIGITS]
    is_key = new.role is Role.KEY
    if is_key:
        secret = secret[: tokens.KEY_DIGITS]
    token = Token(
        project_id=new.project_id,
        organisation_id=new.organisation_id,
        id=tokens.key_id(secret) if is_key else ids.secret()[: tokens.ID_DIGITS],
        name=new.name,
        role=new.role,
        hash=tokens.hash_of(secret),
        created_at=tx.now,
        expires_at=None if new.expires_in is None else tx.now + new.expires_in,
        is_trusted=new.is_trusted,
        labels=new.labels,
        scopes=new.scopes,
        last_four=secret[-4:] if is_key else None,
    )
    tx.add_token(token)
    event = TokenCreated(cause=cause, token_id=token.id, name=token.name, role=token.role)
    tx.record(_subject(token), event)
    return Minted(token=token, text=tokens.written_key(secret) if is_key else tokens.written(token.id, secret))


def create_organisation(tx: Transaction, organisation_id: str, *, ids: Ids, cause: str) -> Minted:
    """Make an organisation; return the token of its first owner.

    Raises:
        Conflict: there is one of this name.
    """
    if is_known(tx, organisation_id):
        raise Conflict(
            f"organisation {shown(organisation_id)}",
            expected="a name that no organisation has",
            found="one that has it",
            next_step="Choose another name; `titan orgs list` shows those there are.",
        )
    tx.add_organisation(Organisation(id=organisation_id, created_at=tx.now))
    new = NewToken(name="owner", role=Role.OWNER, expires_in=None, organisation_id=organisation_id)
    return create(tx, new, ids=ids, cause=cause)


def is_known(reader: Reader, organisation_id: str) -> bool:
    """Return whether there is such an organisation."""
    return organisation_id == ORGANISATION or any(one.id == organisation_id for one in reader.organisations())


def unknown_organisation(organisation_id: str) -> InvalidInput:
    """Return the error for an unknown organisation."""
    return InvalidInput(
        f"organisation {shown(organisation_id)}",
        expected="one that there is",
        found="none",
        next_step="List them with `titan orgs list`; whoever operates the server makes one: titan orgs create NAME",
    )


def _check(new: NewToken) -> None:
    """Check the fields of a new token.

    Raises:
        InvalidInput: they contradict each other.
    """
    about_workers = new.is_trusted or new.labels is not None
    in_another = new.organisation_id != ORGANISATION
    if about_workers and new.role is not Role.WORKER:
        expected = "role worker, for a token that is trusted or limited to labels"
        next_step = "Leave `trusted` and `labels` out: they are about workers."
    elif new.project_id is not None and new.role is Role.WORKER:
        expected = "another role than worker, for a token that is limited to a project"
        next_step = "Leave `project` out: workers take jobs of every project."
    elif in_another and new.role is Role.ADMIN:
        expected = "role owner, manager, viewer, worker or key, in an organisation of its own"
        next_step = "The server itself belongs to the organisation `local`."
    elif (new.role is Role.KEY) is not bool(new.scopes):
        expected = "role key with one scope or more, and no other role with scopes"
        next_step = f"Scopes are {', '.join(Scope)}: titan tokens create NAME --key --scope SCOPE"
    else:
        return
    raise InvalidInput(
        f"token {shown(new.name)}", expected=expected, found=f"role {new.role.value}", next_step=next_step
    )


def _subject(token: Token) -> Subject:
    """Return the subject of a token's journal entries: those of another organisation are not the server's."""
    if token.project_id is not None:
        return Subject(project_id=token.project_id)
    return Subject.of_organisation(token.organisation_id)


def revoke(tx: Transaction, token_id: str, *, by: Token | None = None, cause: str) -> Token:
    """Revoke a token that the token `by` administers; a revoked one stays as it was.

    Raises:
        UnknownToken: there is none with this id that `by` administers.
    """
    token = tx.token(token_id)
    if token is None or not administers(by, token):
        raise UnknownToken(
            f"token {shown(token_id)}",
            expected="the id of a token",
            found="none",
            next_step="List them with `titan tokens list` or GET /api/tokens.",
        )
    if token.revoked_at is not None:
        return token
    revoked = replace(token, revoked_at=tx.now)
    tx.save_token(revoked)
    tx.record(_subject(token), TokenRevoked(cause=cause, token_id=token.id, name=token.name))
    return revoked


def administers(by: Token | None, token: Token) -> bool:
    """Return whether a token may list and revoke another: of its project, else of its organisation.

    An administrator of the server may revoke any.
    """
    if by is None or (by.role is Role.ADMIN and by.project_id is None):
        return True
    return by.project_id in (None, token.project_id) and by.organisation_id == token.organisation_id


def sign_in(tx: Transaction, token: Token, *, ids: Ids) -> tuple[SignIn, str]:
    """Store a sign-in of a browser with this token; return it, and the secret that the browser sends from now on.

    It ends when the token expires or is revoked, and after 30 days at the latest.
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
    """Return the token that the browser with this secret signed in with, if it is still valid."""
    found = reader.sign_in(tokens.hash_of(secret))
    if found is None or found.expires_at <= now:
        return None
    token = reader.token(found.token_id)
    return token if token is not None and tokens.why_over(token, now=now) is None else None


def sign_out(tx: Transaction, secret: str) -> bool:
    """Delete a sign-in; return whether there was one."""
    return tx.forget_sign_in(tokens.hash_of(secret))


def note_use(tx: Transaction, token_id: str) -> None:
    """Store that a token was used now."""
    token = tx.token(token_id)
    if token is not None and is_note_due(token, now=tx.now):
        tx.save_token(replace(token, last_used_at=tx.now))


def is_note_due(token: Token, *, now: datetime) -> bool:
    """Return whether the last stored use is a minute old."""
    return token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY


def good_tokens(reader: Reader, *, now: datetime) -> list[Token]:
    """Return the valid tokens, newest first."""
    return [token for token in reader.tokens() if tokens.why_over(token, now=now) is None]
