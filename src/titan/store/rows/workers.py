"""Workers, their attempts and tokens, to rows and back."""

from typing import Final

from titan.model.attempts import Attempt
from titan.model.tokens import Organisation, SignIn, Token
from titan.model.workers import Worker
from titan.store.rows.columns import Columns

# --- Tokens to rows and back ---


ORGANISATIONS: Final = Columns(Organisation)
TOKENS: Final = Columns(Token)
SIGN_INS: Final = Columns(SignIn)

ATTEMPTS: Final = Columns(Attempt)
WORKERS: Final = Columns(Worker)
