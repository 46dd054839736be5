"""What letting people in asks of the store: a part of the ports `Reader` and `Transaction`, in a module of its own."""

from datetime import datetime
from typing import Protocol

from titan.model.tokens import SignIn, Token


class AccessReader(Protocol):
    """Questions about tokens, and about browsers that were signed in with one."""

    def token(self, token_id: str) -> Token | None: ...

    def tokens(self) -> list[Token]:
        """Return all tokens, newest first, revoked and expired ones too."""

    def sign_in(self, hashed: str) -> SignIn | None:
        """Return the sign-in whose secret has this hash, expired or not."""


class AccessTransaction(Protocol):
    """Changes of tokens and sign-ins."""

    def add_token(self, token: Token) -> None: ...

    def save_token(self, token: Token) -> None:
        """Overwrite what changes of a token: when it was last used, when it was revoked."""

    def add_sign_in(self, sign_in: SignIn) -> None: ...

    def forget_sign_in(self, hashed: str) -> bool:
        """Delete the sign-in whose secret has this hash; return whether there was one."""

    def forget_sign_ins(self, *, before: datetime) -> int:
        """Delete the sign-ins that expired before; return how many."""
