"""Tokens of a home on which no server runs: the answers of its routes, straight from the store."""

from datetime import timedelta

from titan.engine import tokens
from titan.model.tokens import Role
from titan.ports import Transaction
from titan.rules.names import check_label, check_name, check_project
from titan.server.views import new_token_answer, token_view
from titan.system import SystemIds
from titan.wire.access import NewTokenAnswer, TokensAnswer, TokenView


def create_token(
    tx: Transaction,
    *,
    name: str,
    role: str,
    expires_in: timedelta | None,
    is_trusted: bool,
    labels: list[str] | None,
    project: str | None,
) -> NewTokenAnswer:
    """Make a token, as POST /api/tokens does."""
    new = tokens.NewToken(
        name=check_name("token", name),
        role=Role(role),
        expires_in=expires_in,
        is_trusted=is_trusted,
        labels=None if labels is None else tuple(map(check_label, labels)),
        project_id=None if project is None else check_project(project),
    )
    return new_token_answer(tokens.create(tx, new, ids=SystemIds(), cause="titan token create"))


def list_tokens(tx: Transaction) -> TokensAnswer:
    """List all tokens, as GET /api/tokens does."""
    return TokensAnswer(tokens=[token_view(token) for token in tx.tokens()])


def revoke_token(tx: Transaction, *, token_id: str) -> TokenView:
    """Make a token good no more, as POST /api/tokens/{token}/revoke does."""
    return token_view(tokens.revoke(tx, token_id, cause="titan token revoke"))
