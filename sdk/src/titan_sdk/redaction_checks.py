"""Whether what a pattern found is a secret: the checks that no regular expression can make.

Each takes the value and the character that follows it ("" at the end), that of cards two characters. Placeholders
(`${TOKEN}`, `<key>`, `****`, `YOUR_KEY`), expressions (`os.environ.get(`), paths, dates, versions and names of
algorithms are none.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Final


def is_card_number(value: str, following: str) -> bool:
    """Return whether digits with blanks or hyphens pass Luhn's check, and go on as no longer number does."""
    if _GOES_ON.match(following):
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


def is_told_password(value: str, following: str) -> bool:
    """Return whether what stands behind `password:`, wherever on its line, is one: no variable, type or length."""
    is_code = following != "" and following in ",)}]=" and _VARIABLE.fullmatch(value)
    is_name = is_code or _is_word_for_one(value) or _COLUMN_TYPE.fullmatch(value)
    return not is_name and (_is_number(value, following) or _is_password(value, following))


def is_set_password(value: str, following: str) -> bool:
    """Return whether what stands behind `password = ` is one: in code, a variable or a call may stand there."""
    return _is_number(value, following) or is_set_key(value, following)


def is_plain_password(value: str, following: str) -> bool:
    """Return whether what stands behind `password=` is a number or a word, as `letmein`; no argument of a call."""
    return _is_number(value, following) or _is_word(value, following) or _is_password(value, following)


def is_continued_password(value: str, following: str) -> bool:
    """Return whether `Tr0ub4dor&3` or `hunter2,5` is one password: behind the sign begins no further setting."""
    is_setting = following != "" and following in "=:;([{"
    head = value.partition(",")[0]
    goes_on = head != value or "&" in value
    return goes_on and not is_setting and _is_password(head, "") and _is_password(value, following)


def is_set_key(value: str, following: str) -> bool:
    """Return whether what stands behind `api_key = ` or `api_key:` is a secret: no variable, type or word for one."""
    is_code = following != "" and following in ",)}];" and _NAME.fullmatch(value) and _digits(value) < 4
    is_name = any(form.fullmatch(value) for form in (_VARIABLE, _TYPE, _COLUMN_TYPE)) or _is_word_for_one(value)
    return not is_code and not is_name and _is_password(value, following)


def is_bare_secret(value: str, following: str) -> bool:
    """Return whether what stands behind `secret:` or `secret =` is one: it ends the line, and is no resource's name."""
    ends = following in ("", "\r", "\n", '"', "'", "`")
    return ends and not _is_resource(value) and is_set_key(value, following)


def is_set_token(value: str, following: str) -> bool:
    """Return whether what stands behind `token = ` is one: of a parser it is a variable or a rule, with few digits."""
    return _digits(value) >= 4 and is_bare_secret(value, following)


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


def _is_password(value: str, following: str) -> bool:
    """Return whether a value with a digit is written out; unlike in other secrets, `$` and `?` may stand in it."""
    plain = value if value[0] in "$?%" else value.replace("$", "_").replace("?", "_")
    return not _LENGTH.fullmatch(value.rstrip(".,:!?")) and is_option_secret(plain, following)


def _is_number(value: str, following: str) -> bool:
    is_code = following != "" and following in "([{"
    return len(value) >= 6 and value.isascii() and value.isdigit() and len(set(value)) > 1 and not is_code


def _is_word(value: str, following: str) -> bool:
    word = value.rstrip(".!?").lower()
    is_code = following != "" and following not in "\r\n\t \"'`&<>|\\"
    is_said_of_one = _NO_WORD.fullmatch(word.rpartition("-")[2])  # "not-required"
    is_other = is_said_of_one or not is_literal(word, following) or _is_word_for_one(word)
    return len(word) >= 6 and not is_code and not is_other and _WORD.fullmatch(value) is not None


def _is_word_for_one(value: str) -> bool:
    """Return whether a short value names a secret, as `new_password2` does; a long random one may hold `key` too."""
    return len(value) <= 20 and _WORD_FOR_ONE.search(value) is not None


def _is_resource(value: str) -> bool:
    """Return whether a value is the name of one in a cluster, `app-tls-2024`: a word of letters is among its parts."""
    parts = value.replace(".", "-").split("-")
    return _RESOURCE.fullmatch(value) is not None and any(len(part) > 1 and part.isalpha() for part in parts)


def _digits(value: str) -> int:
    return sum("0" <= character <= "9" for character in value)


_GOES_ON: Final = re.compile("[-.]?[0-9]")
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
#: The same, but `1234abcd` is a password.
_LENGTH: Final = re.compile(
    r"[0-9]{1,2}[a-z]{2,}|[0-9]{1,3}[-_][a-z]{2,}(?:-[a-z]+)*|v?[0-9]+(?:\.[0-9x]+)*", re.ASCII | re.IGNORECASE
)
_ATTRIBUTE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
#: `new_pass2`, `DB_PASS2`, `newPass2`
_VARIABLE: Final = re.compile(r"[A-Za-z]*(?:_[A-Za-z0-9]+)+|[a-z]+(?:[A-Z][a-z]+)+[0-9]{0,3}")
#: `Token2`, `Base64Text`, `uint256`, `String255`
_TYPE: Final = re.compile(r"(?:[A-Z][a-z]+)+(?:[0-9]{1,3}(?:[A-Z][a-z]+)*)?")
_COLUMN_TYPE: Final = re.compile("(?:u?int|float|str|string|char|varchar|text|bytes)[0-9]+", re.IGNORECASE)
_WORD_FOR_ONE: Final = re.compile("passw|passphrase|secret|token|key|cred|pwd", re.IGNORECASE)
#: A resource of a cluster, by its name: `app-tls-2024`, `db.credentials.2`
_RESOURCE: Final = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)+")
_WORD: Final = re.compile("[A-Z]?[a-z]+(?:-[a-z]+)*[.!?]*")
#: What is said of a password: no word among them is one.
_NO_WORD: Final = re.compile(
    "accepted|always|anything|argument|changed|cleartext|confirmed|correct|current|default|disabled|dynamic|empty|enabled"
    "|encrypted|example|existing|expired|external|failed|failure|field|filtered|forgot|forgotten|generated|hashed|hidden"
    "|incorrect|input|interactive|invalid|keyring|locked|manual|masked|missing|never|nothing|number|object|omitted"
    "|optional|placeholder|plain|plaintext|prompt|protected|provided|random|redacted|rejected|removed|required|reset"
    "|sample|set|something|static|stdin|stored|success|supplied|text|unchanged|undefined|unknown|unset|valid|values?|vault"
    "|verified|whatever|wrong|yours?"
)
