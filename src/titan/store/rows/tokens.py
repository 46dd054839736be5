"""Tokens to rows and back."""

import msgspec

from titan.model.tokens import Role, SignIn, Token
from titan.store.rows.columns import by_value, from_us, from_us_or_none, to_json, to_us, to_us_or_none
from titan.store.session import Parameter, Row

_ROLES = by_value(Role)
_LABELS_DECODER = msgspec.json.Decoder(tuple[str, ...])


def token_from_row(row: Row) -> Token:
    """Return the token of `token_columns`."""
    return Token(
        project_id=row[0],
        id=row[1],
        name=row[2],
        role=_ROLES[row[3]],
        hash=row[4],
        created_at=from_us(row[5]),
        last_used_at=from_us_or_none(row[6]),
        expires_at=from_us_or_none(row[7]),
        revoked_at=from_us_or_none(row[8]),
        is_trusted=bool(row[9]),
        labels=None if row[10] is None else _LABELS_DECODER.decode(row[10]),
        organisation_id=row[11],
    )


def row_of_token(token: Token) -> dict[str, Parameter]:
    """Return every column of a token."""
    return {
        "project_id": token.project_id,
        "id": token.id,
        "name": token.name,
        "role": token.role.value,
        "hash": token.hash,
        "created_at_us": to_us(token.created_at),
        "last_used_at_us": to_us_or_none(token.last_used_at),
        "expires_at_us": to_us_or_none(token.expires_at),
        "revoked_at_us": to_us_or_none(token.revoked_at),
        "is_trusted": int(token.is_trusted),
        "labels": None if token.labels is None else to_json(token.labels),
        "organisation_id": token.organisation_id,
    }


def changes_of_token(token: Token) -> dict[str, Parameter]:
    """Return the columns of a token that change after it was made, and its id."""
    return {
        "id": token.id,
        "last_used_at_us": to_us_or_none(token.last_used_at),
        "revoked_at_us": to_us_or_none(token.revoked_at),
    }


def sign_in_from_row(row: Row) -> SignIn:
    """Return what the query `sign_in` selects."""
    return SignIn(
        hash=row[0],
        token_id=row[1],
        created_at=from_us(row[2]),
        expires_at=from_us(row[3]),
    )


def row_of_sign_in(sign_in: SignIn) -> dict[str, Parameter]:
    """Return every column of a sign-in."""
    return {
        "hash": sign_in.hash,
        "token_id": sign_in.token_id,
        "created_at_us": to_us(sign_in.created_at),
        "expires_at_us": to_us(sign_in.expires_at),
    }
