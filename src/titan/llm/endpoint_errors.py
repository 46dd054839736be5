"""What an OpenAI-compatible endpoint's failures mean, translated once from the openai package's errors."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from titan.llm.addresses import EndpointAddress
from titan.model.errors import ModelError, ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAIError

_OVERLOADED: Final = frozenset({408, 409, 425, 429})
_KEY_REFUSED: Final = frozenset({401, 403})
_FORM_REFUSED: Final = frozenset({400, 415, 422, 501})


class FormRefused(ModelRefused):
    """The endpoint did not take the request as it was written; without its schema it may."""


def translated(error: "OpenAIError", address: EndpointAddress) -> ModelError:
    """Return what `error` means for the caller; what may be retried has been."""
    import openai  # imported when first used: it takes 0.5 s

    if isinstance(error, openai.APIStatusError):
        return _translated_status(error, address)
    reason = error.__cause__ or error
    return ModelUnavailable(
        f"model {address.name!r}",
        expected=f"an answer of {address.base_url}",
        found=f"{type(reason).__name__}: {reason}",
        next_step="Check that the server can reach this address.",
    )


def refused(address: EndpointAddress, *, found: str, next_step: str) -> ModelRefused:
    """Return the error for a request that this endpoint will never answer."""
    return ModelRefused(f"model {address.name!r}", expected="an answer", found=found, next_step=next_step)


def _translated_status(error: "APIStatusError", address: EndpointAddress) -> ModelError:
    status = error.status_code
    found = f"HTTP {status}: {_said(error)}"
    if error.code == "insufficient_quota":  # OpenAI's 429 for an account without credit
        return refused(address, found=found, next_step="Add credit to the account of this key.")
    if status in _KEY_REFUSED:
        variables = " or ".join(address.key_variables) or "the endpoint's own settings"
        return refused(address, found=found, next_step=f"Check the key in {variables}.")
    if status in _FORM_REFUSED:
        return FormRefused(
            f"model {address.name!r}",
            expected="a request this endpoint takes",
            found=found,
            next_step="Change the request, or choose another model in TITAN_MODEL.",
        )
    if status in _OVERLOADED or status >= 500:
        return ModelUnavailable(
            f"model {address.name!r}",
            expected="an answer after all retries",
            found=found,
            next_step="Try again later, or choose another model in TITAN_MODEL.",
        )
    return refused(address, found=found, next_step="Check the model's name in TITAN_MODEL.")


def _said(error: "APIStatusError") -> str:
    """Return the endpoint's own words; Gemini wraps them in a list, a proxy answers with a page."""
    body = error.body[0] if isinstance(error.body, list) and error.body else error.body
    inner = body.get("error", body) if isinstance(body, Mapping) else body
    message = inner.get("message") if isinstance(inner, Mapping) else inner
    return str(message or error.message)[:400]
