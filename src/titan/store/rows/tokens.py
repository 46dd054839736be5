"""Tokens to rows and back."""

from typing import Final

from titan.model.tokens import SignIn, Token
from titan.store.rows.columns import Columns

TOKENS: Final = Columns(Token)
SIGN_INS: Final = Columns(SignIn)
