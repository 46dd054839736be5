"""Whether what a pattern found is a secret: the checks that no regular expression can make.

Each takes the value and the character that follows it ("" at the end). Placeholders (`${TOKEN}`, `<key>`, `****`,
`YOUR_KEY`), expressions (`os.environ.get(`), paths, dates, versions and names of algorithms are none.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Final


def is_card_number(value: str, following: str) -> bool:
    """Return whether digits with blanks or hyphens pass Luhn's check, and go on as no longer number does."""
    if following and following in "-.0123456789":
        return False
    digits = [int(character) for character in value if character.isdigit()]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_basic_auth(value: str, _following: str) -> bool:
    """Return whether base64 text holds `user:password`; `Basic understanding` is prose."""
    try:
        decoded = b64decode(value + "=" * (-len(value) % 4), validate=True)
    except ValueError:
        return False
    return b":" in decoded and min(decoded) >= 0x20


def has_digit(value: str, _following: str) -> bool:
    """Return whether one digit at least is in the value, which a name made of words has not."""
    return any("0" <= character <= "9" for character in value)


def is_literal(value: str, _following: str) -> bool:
    """Return whether a value is written out: no placeholder, no word that describes one."""
    return len(set(value)) > 1 and not _PLACEHOLDER.fullmatch(value) and value.lower() not in _DESCRIBING


def is_assigned_secret(value: str, following: str) -> bool:
    """Return whether a quoted value beside a telling name is a secret: literal, six characters, no blank."""
    return len(value) >= 6 and " " not in value and is_literal(value, following)


def is_environment_secret(value: str, following: str) -> bool:
    """Return whether the right side of `NAME=` is a secret: literal, six characters, no number."""
    return len(value) >= 6 and not value.isdigit() and is_connection_secret(value, following)


def is_written_secret(value: str, following: str) -> bool:
    """Return whether the right side of `name=` in any text is a secret: one with a digit, no path, no expression."""
    is_code = following != "" and following in "([{"
    return (
        not is_code and not value.startswith("/") and has_digit(value, "") and is_environment_secret(value, following)
    )


def is_option_secret(value: str, following: str) -> bool:
    """Return whether what stands behind `--password` is a secret: no file, date or algorithm either."""
    return is_written_secret(value, following) and not _NO_PASSWORD.fullmatch(value)


def is_said_option(value: str, following: str) -> bool:
    """Return whether what stands behind `--password=` is a secret: it need hold no digit, as in prose it must."""
    is_word_for_one = value.isupper() or "passw" in value.lower()
    return not is_word_for_one and is_given_password(value, following) and len(value) >= 6


def is_given_password(value: str, following: str) -> bool:
    """Return whether what a command is given as its password is written out: four characters, no expression or path."""
    is_code = following != "" and following in "([{"
    is_other = value.startswith(("/", "./", "../", "~/")) or _NUMBERS.fullmatch(value)  # `docker run mongo -p 80:80`
    return len(value) >= 4 and not is_code and not is_other and is_connection_secret(value, following)


def is_prose_secret(value: str, following: str) -> bool:
    """Return whether what stands behind `the password is` is one: letters and digits, no "8 characters" or "2nd"."""
    has_letter = any(character.isalpha() for character in value)
    return len(value) >= 6 and has_letter and not _COUNT.fullmatch(value) and is_option_secret(value, following)


def is_told_secret(value: str, following: str) -> bool:
    """Return whether what stands behind `password:` without quotes is a secret: it also ends the line."""
    return following in ("", "\r", "\n") and is_option_secret(value, following)


def is_markup_secret(value: str, following: str) -> bool:
    """Return whether what stands between tags is a secret: `<token>Hello</token>` is none."""
    return has_digit(value, following) and is_assigned_secret(value, following)


def is_login_secret(value: str, following: str) -> bool:
    """Return whether what stands behind `curl -u user:` is written out."""
    return len(value) >= 4 and is_literal(value, following)


def is_connection_secret(value: str, following: str) -> bool:
    """Return whether a value without quotes is a literal and no expression, as `os.environ.get(` is."""
    is_expression = not _PLAIN_VALUE.fullmatch(value) or _ATTRIBUTE.fullmatch(value)
    return not is_expression and is_literal(value, following)


_PLACEHOLDER: Final = re.compile(r"\$[{(]?\w+[)}]?|\{.*\}|<.*>|%\(?\w*\)?s|[Yy][Oo][Uu][Rr][-_ ].*|\.\.\.", re.ASCII)
_DESCRIBING: Final = frozenset(
    ["false", "null", "none", "optional", "passwd", "password", "required", "secret", "string", "token", "true"]
)
_PLAIN_VALUE: Final = re.compile(r"[A-Za-z0-9+/=_.~!@#%^&*:,-]+")
#: A path, the name of a file, an address, a number, date or version, an algorithm.
_NO_PASSWORD: Final = re.compile(
    r"(?:\.{0,2}|~)/.*|.*\.[a-z]{2,5}|.*://.*|[0-9.,:/+-]+"
    r"|(?:aes|argon|base|bcrypt|blake|ecdsa|ed|es|hmac|hs|md|oauth|pbkdf|ps|rs|rsa|scrypt|sha|utf)[-_]?[0-9]{1,5}(?:[-_].*)?",
    re.ASCII | re.IGNORECASE,
)
_NUMBERS: Final = re.compile("[0-9.,:/+-]+")
#: "12-character", "90days", "2nd", "2fa-protected", "v2.1"
_COUNT: Final = re.compile(
    r"[0-9]+(?:st|nd|rd|th|[-_]?[a-z]{2,}(?:-[a-z]+)*)|v?[0-9]+(?:\.[0-9x]+)*", re.ASCII | re.IGNORECASE
)
_ATTRIBUTE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
