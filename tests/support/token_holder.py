"""HTTP requests with a token, and creation of tokens and organisations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.raw_http import Answer, a_key, ask, ask_json
from tests.support.submissions import a_name


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever holds a token of the server at a port; None holds none."""

    port: int
    token: str | None

    @property
    def header(self) -> dict[str, str]:
        """What shows the token."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    def ask(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Ask with the token, and with a fresh idempotency key when it is a change."""
        key = {} if method == "GET" else a_key()
        return ask(self.port, method, target, body, {**key, **self.header, **(headers or {})})

    def ask_json(self, method: str, target: str, value: object = None) -> Answer:
        """Ask with the token and `value` as the body."""
        return ask_json(self.port, method, target, value, {**a_key(), **self.header})

    def make(self, role: str = "admin", **fields: object) -> Holder:
        """Return somebody with a new token of this role."""
        answer = self.ask_json("POST", "/api/tokens", {"name": a_token_name(), "role": role, **fields})
        assert answer.status == 201, answer.body
        return Holder(self.port, answer.value["token"])

    @property
    def token_id(self) -> str:
        """The public part of the token."""
        return (self.token or "").split("_")[1]


def a_token_name() -> str:
    """Return a name no other token has."""
    return f"token-{os.urandom(6).hex()}"


def an_owner(admin: Holder) -> Holder:
    """Return the first owner of a new organisation."""
    answer = admin.ask_json("POST", "/api/v1/organisations", {"name": a_name("org")})
    assert answer.status == 201, answer.body
    return Holder(admin.port, answer.value["owner"]["token"])
