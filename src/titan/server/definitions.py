"""Definitions that users send, read strictly, and refused by their place."""

from typing import Any

import msgspec

from titan.evaluate.definitions import HttpAgent, HttpEndpoint, McpEndpoint, Slug
from titan.evaluate.external import AddressRefused, check_url
from titan.model.errors import Forbidden, InvalidInput, UnknownEvaluation
from titan.model.projects import ORGANISATION
from titan.rules.names import shown
from titan.server.http.access import Caller


def read_definition(what: str, value: Any, shape: Any) -> Any:
    """Return plain JSON as a definition.

    Raises:
        InvalidInput: naming the place.
    """
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
        raise InvalidInput(
            f"{what}{place.strip('`').removeprefix('$')}",
            expected="a definition as the guide of worlds describes it",
            found=problem,
            next_step="Correct it and send it again; nothing was stored.",
        ) from error


def check_slug(name: str) -> None:
    """Return when something may be registered under this name.

    Raises:
        InvalidInput: it is no slug.
    """
    read_definition(f"name {shown(name)}", name, Slug)


def check_address(caller: Caller, definition: HttpAgent | HttpEndpoint | McpEndpoint) -> None:
    """Return when an address may be registered; what its name stands for is looked at whenever it is asked.

    Raises:
        InvalidInput: it is no HTTP address, or one of this machine or its networks, which is not allowed.
        Forbidden: it may be such a one, and the caller is of an organisation that does not look after the server.
    """
    if definition.allow_loopback and caller.organisation_id != ORGANISATION:
        raise Forbidden(
            caller.name,
            expected=f"organisation {ORGANISATION}, for `allow_loopback`: this machine and its networks are its own",
            found=f"organisation {shown(caller.organisation_id)}",
            next_step="Register a public address, without `allow_loopback`.",
        )
    try:
        check_url(definition.url, allow_loopback=definition.allow_loopback)
    except AddressRefused as refused:
        raise InvalidInput(
            "definition.url",
            expected="http:// or https:// and a public host, or `allow_loopback: true`",
            found=str(refused),
            next_step="Correct it and send it again; nothing was stored.",
        ) from refused


def unknown(what: str, name: str, next_step: str) -> UnknownEvaluation:
    """Return the error that there is none of this name."""
    return UnknownEvaluation(
        f"{what} {shown(name)}", expected=f"a known {what}", found="none such", next_step=next_step
    )
