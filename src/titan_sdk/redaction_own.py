"""Whether a user's own pattern may look for secrets: what RE2 and `re` both read, and `re` cannot run on for ever with.

RE2, which the server has, is linear with any pattern; the SDK has only `re`, which tries every way to divide a text
among repeats of repeats, and lets no other thread run meanwhile. So within a repeated group nothing may be optional,
repeated or alternative. Pure, standard library only; the server adds what RE2 itself says (docs/decisions/0023).
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Final

MAX_PATTERNS: Final = 100
MAX_PATTERN: Final = 1000  # characters
MAX_NESTED: Final = 50  # groups in each other: `re` reads each by a call of itself, which Python allows 1,000 of
PATTERN_NAME: Final = re.compile("[a-z][a-z0-9_-]{0,39}")
EXPECTED: Final = "a name such as customer_id, and a regular expression that RE2 and Python's re both read"


def problem_in(name: str, regex: str) -> str | None:
    """Return what is wrong with a user's pattern, None when nothing is."""
    if not PATTERN_NAME.fullmatch(name):
        return "a name that is not 1 to 40 of a-z, 0-9, _ and -, a letter first"
    if len(regex) > MAX_PATTERN:
        return f"{len(regex)} characters, over {MAX_PATTERN}"
    tokens = _TOKENS.findall(regex)
    if _nested(tokens) > MAX_NESTED:
        return f"groups more than {MAX_NESTED} deep in each other"
    try:
        compiled = re.compile(regex, re.ASCII)
    except (re.error, OverflowError) as error:
        return f"what Python's re refuses: {error}"
    if (construct := _only_in_re(tokens)) is not None:
        return f"what RE2 refuses: {construct}"
    if compiled.search("") is not None:
        return "a regular expression that matches an empty text, and so would match everywhere"
    if _repeats_choices(tokens):
        return "a repeated group in which something is optional, repeated or alternative"
    return None


def _nested(tokens: list[str]) -> int:
    """Return how many groups stand in each other at most."""
    return max(accumulate(-1 if token == ")" else _opens(token) for token in tokens), default=0)


def _opens(token: str) -> bool:
    """Return whether a token begins a group; flags alone, `(?i)`, do not."""
    return token.startswith("(") and not token.endswith(")")


def _only_in_re(tokens: list[str]) -> str | None:
    """Return the beginning of a construct that only `re` reads, None without any."""
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if token == "(" and following == "?":
            return "a group that looks around, refers back, asks or comments"
        if _REFERENCE.fullmatch(token):
            return f"the reference {token}"
        if (flags := _FLAGS.fullmatch(token)) and not set(flags[1]) <= set("ims-"):
            return f"the flags {token}"
    return None


def _repeats_choices(tokens: list[str]) -> bool:
    """Return whether a quantifier stands behind a group that leaves `re` a choice."""
    has_choice = [False]  # of each open group, the outermost first
    repeated = False  # whether what stands before the token is a group with a choice
    for token in tokens:
        if token == ")":
            repeated = has_choice.pop()
            has_choice[-1] |= repeated
            continue
        if _opens(token):
            has_choice.append(False)
        elif token == "|":
            has_choice[-1] = True
        elif _QUANTIFIER.fullmatch(token):
            if repeated and token != "?":
                return True
            has_choice[-1] |= not _EXACT.fullmatch(token)
        repeated = False
    return False


#: An escaped character, a class, flags, the beginning of a group, a quantifier, or any one character.
_TOKENS: Final = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[a-zA-Z]+\)|\(\?P<\w+>|\(\?[a-zA-Z-]*:|\{\d*,?\d*\}|.", re.DOTALL
)
_QUANTIFIER: Final = re.compile(r"[*+?]|\{\d*,?\d*\}")
_EXACT: Final = re.compile(r"\{\d+\}")
_REFERENCE: Final = re.compile(r"\\[1-9]")
_FLAGS: Final = re.compile(r"\(\?([a-zA-Z-]*)[:)]")
