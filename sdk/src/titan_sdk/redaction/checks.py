"""Decide whether a match of a pattern is a secret: the checks that a regular expression cannot make.

Each takes the value and the next character ("" at the end); that of cards two characters. Placeholders (`${TOKEN}`,
`<key>`, `****`, `YOUR_KEY`), expressions (`os.environ.get(`), paths, dates, versions and names of algorithms are not
secrets.
"""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable
from typing import Final, TypeAlias

Check: TypeAlias = Callable[[str, str], bool]


def is_card_number(value: str, following: str) -> bool:
    """Return whether digits with blanks or hyphens pass Luhn's check, and are not part of a longer number."""
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


def has_openais_mark(value: str, _following: str) -> bool:
    """Return whether a text with the prefix of a key is one of OpenAI's."""
    return _OPENAIS_MARK in value


def is_encoded_key(value: str, _following: str) -> bool:
    """Return whether base64 text is a whole key, except for blanks around it."""
    plain = value.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        decoded = urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    except ValueError:
        return False
    return _KEY.fullmatch(decoded.strip()) is not None


def is_literal(value: str, _following: str) -> bool:
    """Return whether a value is literal: not a placeholder, not a word that describes one."""
    return len(set(value)) > 1 and not _PLACEHOLDER.fullmatch(value) and value.lower() not in _DESCRIBING


def is_continued_password(value: str, following: str) -> bool:
    """Return whether `Tr0ub4dor&3` or `hunter2,5` is one password: no further setting begins after the sign."""
    is_setting = following != "" and following in "=:;([{"
    head = value.partition(",")[0]
    goes_on = head != value or "&" in value
    return goes_on and not is_setting and _is_password(head, "") and _is_password(value, following)


def _is_password(value: str, following: str) -> bool:
    """Return whether a value with a digit is literal; unlike other secrets, it may contain `$` and `?`."""
    plain = value if value[0] in "$?%" else value.replace("$", "_").replace("?", "_")
    return not _LENGTH.fullmatch(value.rstrip(".,:!?")) and is_option_secret(plain, following)


def _is_word(value: str, following: str) -> bool:
    """Return whether a value is a word that may be a password; "not-required" describes one."""
    word = value.rstrip(".!?").lower()
    is_code = following not in "\r\n\t \"'`&<>|\\"
    is_other = _NO_WORD.fullmatch(word.rpartition("-")[2]) or not is_literal(word, "") or not _no_name(word, "")
    return len(word) >= 6 and not is_code and not is_other and _WORD.fullmatch(value) is not None


def _no_name(value: str, _following: str) -> bool:
    """Return whether a value is not a secret's name, such as `new_password2`; a long random one may contain `key`."""
    return len(value) > 20 or _WORD_FOR_ONE.search(value) is None


def _no_resource(value: str, _following: str) -> bool:
    """Return whether a value is not a resource's name in a cluster, such as `app-tls-2024` or `db.credentials.2`."""
    return _RESOURCE.fullmatch(value) is None or _RESOURCES_WORD.search(value) is None


def _all(*checks: Check) -> Check:
    return lambda value, following: all(check(value, following) for check in checks)


def _any(*checks: Check) -> Check:
    return lambda value, following: any(check(value, following) for check in checks)


def _least(length: int) -> Check:
    return lambda value, _following: len(value) >= length


def _digits(least: int) -> Check:
    return lambda value, _following: sum("0" <= character <= "9" for character in value) >= least


def _no(*forms: re.Pattern[str]) -> Check:
    """Return the check that no form matches the whole value."""
    return lambda value, _following: not any(form.fullmatch(value) for form in forms)


def _only(form: re.Pattern[str]) -> Check:
    return lambda value, _following: form.fullmatch(value) is not None


def _ends(characters: str) -> Check:
    """Return the check that nothing follows, or one of `characters`."""
    return lambda _value, following: following in characters


def _no_code(characters: str, form: re.Pattern[str] | None = None) -> Check:
    """Return the check that none of `characters` follows a value (of a form)."""
    return lambda value, following: (
        following == "" or following not in characters or (form is not None and not form.fullmatch(value))
    )


_OPENAIS_MARK: Final = "T3BlbkFJ"  # "OpenAI" in base64, in the middle of each key that OpenAI has made since 2023
_KEY: Final = re.compile(
    rb"sk-(?:proj|svcacct|admin|None|or-v1|lf|ant)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{32,}|gh[pousr]_[A-Za-z0-9]{36,}"
    rb"|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}|xox[abeoprs]-[A-Za-z0-9-]{10,}"
    rb"|AKIA[A-Z2-7]{16}"
)
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
_PATH: Final = re.compile(r"(?:\.{0,2}|~)/.*")
_NUMBERS: Final = re.compile("[0-9.,:/+-]+")
_DIGITS: Final = re.compile("[0-9]+")
#: "12-character", "90days", "2nd", "2fa-protected", "v2.1"
_COUNT: Final = re.compile(
    r"[0-9]+(?:st|nd|rd|th|[-_]?[a-z]{2,}(?:-[a-z]+)*)|v?[0-9]+(?:\.[0-9x]+)*", re.ASCII | re.IGNORECASE
)
#: The same, but `1234abcd` is a password.
_LENGTH: Final = re.compile(
    r"[0-9]{1,2}[a-z]{2,}|[0-9]{1,3}[-_][a-z]{2,}(?:-[a-z]+)*|v?[0-9]+(?:\.[0-9x]+)*", re.ASCII | re.IGNORECASE
)
_ATTRIBUTE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
#: Of a variable, with less than four digits.
_NAME: Final = re.compile("[A-Za-z_]+(?:[0-9][A-Za-z_]*){0,3}")
#: Words for a password that are no password: `MYSQL_PASSWORD`.
_OPTIONS_WORD: Final = re.compile("[^a-z]*[A-Z][^a-z]*|(?i:.*passw.*)")
#: `new_pass2`, `DB_PASS2`, `newPass2`
_VARIABLE: Final = re.compile(r"[A-Za-z]*(?:_[A-Za-z0-9]+)+|[a-z]+(?:[A-Z][a-z]+)+[0-9]{0,3}")
#: `Token2`, `Base64Text`, `uint256`, `String255`
_TYPE: Final = re.compile(r"(?:[A-Z][a-z]+)+(?:[0-9]{1,3}(?:[A-Z][a-z]+)*)?")
_COLUMN_TYPE: Final = re.compile("(?:u?int|float|str|string|char|varchar|text|bytes)[0-9]+", re.IGNORECASE)
_WORD_FOR_ONE: Final = re.compile("passw|passphrase|secret|token|key|cred|pwd", re.IGNORECASE)
_RESOURCE: Final = re.compile("[a-z0-9]+(?:[-.][a-z0-9]+)+")
_RESOURCES_WORD: Final = re.compile("(?:^|[-.])[a-z]{2,}(?:$|[-.])")
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

has_digit: Final = _digits(1)  #: which a name made of words has not
is_assigned_secret: Final = _all(
    _least(6), _no(re.compile(".* .*", re.DOTALL)), is_literal
)  #: quoted, behind a telling name
is_markup_secret: Final = _all(has_digit, is_assigned_secret)  #: between tags; `<token>Hello</token>` is none
is_login_secret: Final = _all(_least(4), is_literal)  #: behind `curl -u user:`
#: Without quotes: no expression, as `os.environ.get(` is.
is_connection_secret: Final = _all(_only(_PLAIN_VALUE), _no(_ATTRIBUTE), is_literal)
is_environment_secret: Final = _all(_least(6), _no(_DIGITS), is_connection_secret)  #: the right side of `NAME=`
#: Of `name=` in any text.
is_written_secret: Final = _all(_no_code("([{"), _no(re.compile("/.*")), has_digit, is_environment_secret)
is_option_secret: Final = _all(is_written_secret, _no(_NO_PASSWORD))  #: behind `--password`
#: What a command is given as its password: four characters; `docker run mongo -p 80:80` has ports.
is_given_password: Final = _all(_least(4), _no_code("([{"), _no(_PATH, _NUMBERS), is_connection_secret)
is_said_option: Final = _all(
    _least(6), _no(_OPTIONS_WORD), is_given_password
)  #: behind `--password=`: with no digit, too
#: Behind `the password is`: letters and digits, no "8 characters" or "2nd".
is_prose_secret: Final = _all(_no(_COUNT, re.compile("[^A-Za-z]*")), is_option_secret)
is_line_end_secret: Final = _all(_ends("\r\n"), is_option_secret)  #: behind `password:`, at the end of a line
_is_number: Final = _all(_least(6), _only(_DIGITS), lambda value, _: len(set(value)) > 1, _no_code("([{"))
#: Behind `password:` wherever on its line: no variable, type or length.
is_named_password: Final = _all(
    _no_code(",)}]=", _VARIABLE), _no_name, _no(_COLUMN_TYPE), _any(_is_number, _is_password)
)
#: Behind `api_key = ` or `api_key:`.
is_set_key: Final = _all(_no_code(",)}];", _NAME), _no(_VARIABLE, _TYPE, _COLUMN_TYPE), _no_name, _is_password)
is_set_password: Final = _any(
    _is_number, is_set_key
)  #: behind `password = `: in code, a variable or a call may stand there
is_plain_password: Final = _any(_is_number, _is_word, _is_password)  #: behind `password=`
is_bare_secret: Final = _all(_ends("\r\n\"'`"), _no_resource, is_set_key)  #: behind `secret:`
is_set_token: Final = _all(
    _digits(4), is_bare_secret
)  #: behind `token = `: of a parser it is a variable, with few digits
