"""Whether a user's own pattern may look for secrets: what RE2 and `re` both read, and `re` is done with in time.

RE2, which the server has, is linear with any pattern; the SDK has only `re`, which tries every way to divide a text
among repeats, and lets no other thread run meanwhile. So within a repeated group nothing may be optional, repeated or
alternative, and what follows each other may not share a text in many ways (`titan_sdk.redaction_work`). Pure, standard
library only; the server adds what RE2 itself says (docs/decisions/0023).
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Final

from titan_sdk.redaction_work import work_of

MAX_PATTERNS: Final = 100
MAX_PATTERN: Final = 1000  # characters
MAX_NESTED: Final = 50  # groups in each other: `re` reads each by a call of itself, which Python allows 1,000 of
MAX_REPEATED: Final = 1000  # RE2's own limit, of counts in each other their product
PATTERN_NAME: Final = re.compile("[a-z][a-z0-9_-]{0,39}")
EXPECTED: Final = "a name such as customer_id, and a regular expression that RE2 and Python's re both read"


def problem_in(name: str, regex: str) -> str | None:
    """Return what is wrong with a user's pattern, None when nothing is."""
    if not PATTERN_NAME.fullmatch(name):
        return "a name that is not 1 to 40 of a-z, 0-9, _ and -, a letter first"
    if len(regex) > MAX_PATTERN:
        return f"{len(regex)} characters, over {MAX_PATTERN}"
    if _HALF_PAIR.search(regex):
        return "half a surrogate pair, which UTF-8 cannot say"
    tokens = _TOKENS.findall(regex)
    if _nested(tokens) > MAX_NESTED:
        return f"groups more than {MAX_NESTED} deep in each other"
    if (construct := _read_otherwise(tokens)) is not None:
        return f"what Python's re and RE2 read differently: {construct}"
    try:
        re.compile(regex, re.ASCII)
    except (re.error, OverflowError) as error:
        return f"what Python's re refuses: {error}"
    if (construct := _only_in_re(tokens)) is not None:
        return f"what RE2 refuses: {construct}"
    if _most_repeated(tokens) > MAX_REPEATED:
        return f"what RE2 refuses: more than {MAX_REPEATED} of something"
    return _run_on_problem(tokens, regex)


def _run_on_problem(tokens: list[str], regex: str) -> str | None:
    """Return what is wrong with a pattern that both read."""
    if any(match[0] == "" for match in compiled(regex).finditer(_PLACES)) or compiled(regex).search(""):
        return "a regular expression that matches an empty text, and so would match everywhere"
    if _repeats_choices(tokens):
        return "a repeated group in which something is optional, repeated or alternative"
    return work_of(tokens, compiled).problem


def is_slow(regex: str) -> bool:
    """Return whether `re` may look for a pattern in short texts alone (`titan_sdk.redaction_work`)."""
    return work_of(_TOKENS.findall(regex), compiled).is_slow


def compiled(regex: str) -> re.Pattern[str]:
    r"""Return for `re` a pattern in which `problem_in` finds nothing, such that it finds what RE2 does.

    In RE2 `\w`, `\d`, `\s` and `\b` are of ASCII, and `\s` is no `\v`; `$` is the end alone, not before a last `\n`;
    but the flag `i` is of all letters. (For `re` ı and İ are an `i`, too: it takes more then.)
    """
    lines = [False]  # of each open group, whether `$` is the end of a line
    words: list[str] = []
    for token in _TOKENS.findall(regex):
        if token == ")":
            lines.pop()
        elif flags := _FLAGS.fullmatch(token):
            on, _, off = flags[1].partition("-")
            is_of_lines = "m" in on or (lines[-1] and "m" not in off)
            lines[-1:] = [is_of_lines] if token.endswith(")") else [lines[-1], is_of_lines]
        elif _opens(token):
            lines.append(lines[-1])
        words.append(_END if token == "$" and not lines[-1] else _for_re(token))
    return re.compile("".join(words))


def _for_re(token: str) -> str:
    """Return a token in the words of `re`."""
    if token.startswith("[") and len(token) > 1:
        return _ESCAPE.sub(lambda escape: _IN_CLASS.get(escape[0], escape[0]), token)
    return _ALONE.get(token, token)


def _nested(tokens: list[str]) -> int:
    """Return how many groups stand in each other at most."""
    return max(accumulate(-1 if token == ")" else _opens(token) for token in tokens), default=0)


def _opens(token: str) -> bool:
    """Return whether a token begins a group; flags alone, `(?i)`, do not."""
    return token.startswith("(") and not token.endswith(")")


def _read_otherwise(tokens: list[str]) -> str | None:
    """Return what both engines read, each in its own way, None without any."""
    folds = any((flags := _FLAGS.fullmatch(token)) and "i" in flags[1] for token in tokens)
    for token in tokens:
        if _BRACES.fullmatch(token) and not _COUNT.fullmatch(token):
            return f"{token}; write the lower number, 0 too, and no 0 before it"
        if token.startswith("[") and (odd := _ODD.search(_ESCAPE.sub("x", token))):
            return f"{odd[1] or odd[0]} within [ ]; put a \\ before each, or write what the class holds"
        if folds and token.startswith("[") and "\\W" in _ESCAPE.findall(token):
            return r"\W within [ ] beside the flag i"
    return None


def _only_in_re(tokens: list[str]) -> str | None:
    """Return the beginning of a construct that only `re` reads, None without any."""
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if token == "(" and following == "?":
            return "a group that looks around, refers back, asks or comments"
        if _REFERENCE.fullmatch(token):
            return f"the reference {token}"
        if following == "+" and _QUANTIFIER.fullmatch(token):
            return f"the possessive {token}+"
        for escape in _ESCAPE.findall(token):
            if not (_ESCAPED_IN_CLASS if token.startswith("[") else _ESCAPED).fullmatch(escape):
                return f"the escape {escape}"
        if (flags := _FLAGS.fullmatch(token)) and not set(flags[1]) <= set("ims-"):
            return f"the flags {token}"
    return None


def _most_repeated(tokens: list[str]) -> int:
    """Return how often something is repeated at most, by all the counts that it stands in."""
    most, last = [1], 1  # of each open group, the outermost first; of what stands before the token
    for token in tokens:
        if token == ")":
            last = most.pop()
        elif _opens(token):
            most.append(1)
            continue
        elif count := _COUNT.fullmatch(token):
            last *= max(1, int(count[2] or count[1]))
        elif not _QUANTIFIER.fullmatch(token):
            last = 1
        most[-1] = max(most[-1], last)
    return max(most)


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
    r"\\x[0-9a-fA-F]{2}|\\0[0-7]{0,2}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[a-zA-Z]+\)|\(\?P<\w+>|\(\?[a-zA-Z-]*:"
    r"|\{(?=[0-9,])[0-9]*,?[0-9]*\}|.",
    re.DOTALL,
)
_BRACES: Final = re.compile(r"\{[0-9]*,?[0-9]*\}")
_COUNT: Final = re.compile(r"\{(0|[1-9][0-9]*)(?:,(0|[1-9][0-9]*)?)?\}")
_QUANTIFIER: Final = re.compile(r"[*+?]|\{[0-9]+,?[0-9]*\}")
_EXACT: Final = re.compile(r"\{[0-9]+\}")
_REFERENCE: Final = re.compile(r"\\[1-9]")
_FLAGS: Final = re.compile(r"\(\?([a-zA-Z-]*)[:)]")
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")
_ESCAPE: Final = re.compile(r"\\.", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(?:[ABDSWabdfnrstvwx0]|[^0-9A-Za-z\x80-\U0010ffff])", re.DOTALL)
_ESCAPED_IN_CLASS: Final = re.compile(r"\\(?:[DSWadfnrstvwx0]|[^0-9A-Za-z\x80-\U0010ffff])", re.DOTALL)
#: What is a set of its own within a class: for RE2 `[:digit:]`, for `re` one day what it warns of.
_ODD: Final = re.compile(r"\[:|^\[\^?(\[)(?!:)|--|&&|~~|\|\|")
_PLACES: Final = " a a\n\na"  #: every kind of place between two characters
_END: Final = r"\Z"
#: What is of ASCII in RE2, alone and within a class.
_ALONE: Final = {
    r"\d": "[0-9]",
    r"\D": "[^0-9]",
    r"\w": "[0-9A-Za-z_]",
    r"\W": "[^0-9A-Za-z_]",
    r"\s": r"[ \t\n\f\r]",
    r"\S": r"[^ \t\n\f\r]",
    r"\b": r"(?a:\b)",
    r"\B": r"(?a:\B)",
}
_IN_CLASS: Final = {
    r"\d": "0-9",
    r"\D": r"\x00-/:-\U0010ffff",
    r"\w": "0-9A-Za-z_",
    r"\W": r"\x00-/:-@\[-\^`{-\U0010ffff",
    r"\s": r" \t\n\f\r",
    r"\S": r"\x00-\x08\x0b\x0e-\x1f!-\U0010ffff",
}
