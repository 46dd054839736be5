"""Tokens in the store of a home without a running server, for `titan tokens`; and the views of tokens."""

from datetime import timedelta

from titan import tokens
from titan.model.projects import ORGANISATION, name_of_project, project_id_of
from titan.model.shaped import shaped
from titan.model.tokens import Role, Scope, Token
from titan.ports.jobs_store import Transaction
from titan.rules.names import check_label, check_name, check_project
from titan.system import SystemIds
from titan.tokens import Minted
from titan.wire.server import NewTokenAnswer, TokensAnswer, TokenView


def create_token(
    tx: Transaction,
    *,
    name: str,
    role: str,
    expires_in: timedelta | None,
    is_trusted: bool,
    labels: list[str] | None,
    project: str | None,
    organisation: str | None,
    scopes: list[str] | None,
) -> NewTokenAnswer:
    """Make a token, as POST /api/tokens does."""
    organisation_id = organisation or ORGANISATION
    new = tokens.NewToken(
        name=check_name("token", name),
        role=Role(role or default_role(organisation_id)),
        organisation_id=organisation_id,
        scopes=None if scopes is None else tuple(map(Scope, scopes)),
        expires_in=expires_in,
        is_trusted=is_trusted,
        labels=None if labels is None else tuple(map(check_label, labels)),
        project_id=None if project is None else project_id_of(organisation_id, check_project(project)),
    )
    return new_token_answer(tokens.create(tx, new, ids=SystemIds(), cause="titan tokens create"))


def list_tokens(tx: Transaction, *, organisation: str | None) -> TokensAnswer:
    """List the tokens of an organisation, as GET /api/tokens does."""
    found = [token for token in tx.tokens() if token.organisation_id == (organisation or ORGANISATION)]
    return TokensAnswer(tokens=[token_view(token) for token in found])


def revoke_token(tx: Transaction, *, token_id: str) -> TokenView:
    """Revoke a token, as POST /api/tokens/{token}/revoke does."""
    return token_view(tokens.revoke(tx, token_id, cause="titan tokens revoke"))


def default_role(organisation_id: str) -> Role:
    """Return the default role of a new token."""
    return Role.ADMIN if organisation_id == ORGANISATION else Role.OWNER


def token_view(token: Token) -> TokenView:
    """Return a token without its secret."""
    return shaped(
        TokenView,
        token,
        token_id=token.id,
        trusted=token.is_trusted if token.role is Role.WORKER else None,
        project=None if token.project_id is None else name_of_project(token.project_id),
        organisation=token.organisation_id,
    )


def new_token_answer(minted: Minted) -> NewTokenAnswer:
    """Return a new token with its secret."""
    return NewTokenAnswer(
        token_id=minted.token.id,
        name=minted.token.name,
        role=minted.token.role,
        token=minted.text,
        expires_at=minted.token.expires_at,
    )
