"""Reads environment variables that switch something on or off."""

from __future__ import annotations

import os

from titan_sdk.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_IS_ON = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(("0", "false", "no", "off", ""), False)


def is_on(name: str, environment: Mapping[str, str] = os.environ, *, is_on_unset: bool = False) -> bool:
    """Return whether an environment variable switches something on. Set to nothing it is off.

    Raises:
        InvalidInput: it is none of 1, true, yes, on, 0, false, no, off, in any case.
    """
    text = environment.get(name)
    found = is_on_unset if text is None else _IS_ON.get(text.lower())
    if found is None:
        raise InvalidInput(
            subject=f"setting {name}",
            expected="1, true, yes or on, or 0, false, no, off or nothing",
            found=ascii((text or "")[:40]),
            next_step="Correct it in the environment.",
        )
    return found
