"""What letting people in asks of the store of jobs: a part of its `Reader` and `Transaction`."""

from datetime import datetime
from typing import Protocol

from titan.model.tokens import Organisation, SignIn, Token


class AccessReader(Protocol):
    """Questions about tokens, and about browsers that were signed in with one."""

    def token(self, token_id: str) -> Token | None: ...

    def tokens(self) -> list[Token]:
        """Return all tokens, newest first, revoked and expired ones too."""

    def organisations(self) -> list[Organisation]:
        """Return all organisations but the server's own, by id."""

    def sign_in(self, hashed: str) -> SignIn | None:
        """Return the sign-in whose secret has this hash, expired or not."""


class AccessTransaction(Protocol):
    """Changes of tokens and sign-ins."""

    def add_token(self, token: Token) -> None: ...

    def save_token(self, token: Token) -> None:
        """Overwrite what changes of a token: when it was last used, when it was revoked."""

    def add_organisation(self, organisation: Organisation) -> None: ...

    def add_sign_in(self, sign_in: SignIn) -> None: ...

    def forget_sign_in(self, hashed: str) -> bool:
        """Delete the sign-in whose secret has this hash; return whether there was one."""

    def forget_sign_ins(self, *, before: datetime) -> int:
        """Delete the sign-ins that expired before; return how many."""
