"""Organisations, for tests."""

from tests.support.submissions import a_name
from tests.support.token_holder import Holder


def an_owner(admin: Holder) -> Holder:
    """Return the first owner of a new organisation."""
    answer = admin.ask_json("POST", "/api/v1/organisations", {"name": a_name("org")})
    assert answer.status == 201, answer.body
    return Holder(admin.port, answer.value["owner"]["token"])
