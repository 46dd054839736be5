"""How a secret is written behind its name: `password: …`, `password = …`, `?password=…`, `api_key = …`.

Data for `titan_sdk.redaction_patterns`, whose rules of regexes hold here too. Each form is a regex and its check. One
that a closer look must extend stands twice, with and without what may go on behind `&` or `,`: what both find is
taken as one, so that no tail of a secret stays.
"""

from __future__ import annotations

from typing import Final

from titan_sdk.redaction_checks import (
    is_bare_secret,
    is_continued_password,
    is_environment_secret,
    is_given_password,
    is_option_secret,
    is_plain_password,
    is_said_option,
    is_set_key,
    is_set_password,
    is_set_token,
    is_told_password,
    is_told_secret,
    is_written_secret,
)


def in_any_case(text: str) -> str:
    """Return a regex that ignores the case of ASCII letters; RE2's flag also folds letters that `re`'s does not."""
    return "".join(
        f"[{letter.upper()}{letter}]" if letter.isalpha() and outside else letter
        for letter, outside in zip(text, _outside_classes(text), strict=True)
    )


def _outside_classes(regex: str) -> list[bool]:
    """Return for each character of a simple regex whether it stands outside of square brackets."""
    depth, outside = 0, []
    for character in regex:
        depth += character == "["
        outside.append(depth == 0)
        depth -= character == "]"
    return outside


TOKEN_WORDS: Final = "access|api|auth|bearer|bot|id|refresh|session"
NOT_QUOTED: Final = "^ \t\r\n\"'\\\\;<>`|&,()\\[\\]{}"
UNQUOTED: Final = f"[{NOT_QUOTED}]+"
_WITH_AND: Final = f"[{NOT_QUOTED.replace('&', '')}]+"
_CONTINUED: Final = f"{UNQUOTED}(?:[&,][{NOT_QUOTED}=:]+)*"  # `+` would read one run again and again
_SHELL_VALUE: Final = "[^ \t\r\n\"'\\\\;<>`|]+"
_EDGE: Final = "(?:^|[^A-Za-z0-9])"
_EDGE_DASH: Final = "(?:^|[^A-Za-z0-9_-])"
_TOKEN: Final = _EDGE_DASH + in_any_case(f"(?:(?:{TOKEN_WORDS})[_-]?)?token")
_WRITTEN_NAME: Final = (
    in_any_case("(?:password|passwd|passphrase|pwd|secret|(?:api|access|auth|private|secret)[_-]?key)") + f"|{_TOKEN}"
)
_KEY_NAME: Final = in_any_case("(?:(?:client|app|shared)[_-]?secret|(?:api|access|auth|private|secret)[_-]?key)")
_TOLD_NAME: Final = in_any_case("(?:password|passwd|passphrase|pwd)") + f"|{_KEY_NAME}|{_TOKEN}"
_PASSWORD: Final = in_any_case("(?:password|passwd|passphrase|passcode)")
_PASSWORD_OR_PWD: Final = in_any_case("(?:password|passwd|passphrase|passcode|pwd)")
_OF_NAME: Final = "[0-9_]{0,4}"
_BLANKS: Final = "(?:[ ]{1,16}|\t{1,4})"  # with a name before, and written in JSON, shorter than `FOLLOWS_WITHIN`
_COLON: Final = f"{_OF_NAME}{_BLANKS}?:[ \t]*"
_SPACED: Final = f"{_OF_NAME}(?:{_BLANKS}=|=[ \t])[ \t]*"
_OPTION_NAME: Final = (
    "(?:[a-z0-9]{1,12}-){0,2}(?:password|passwd|passphrase)"
    f"|(?:(?:{TOKEN_WORDS})-)?token|(?:client-)?secret|(?:api|access|auth|private|secret)-key"
)

#: Forms that begin at the name of a password itself, with one of `PASSWORD_HINTS`.
PASSWORD_FORMS: Final = (
    # password: … of YAML, a log, a mail, wherever on the line
    (f"{_PASSWORD_OR_PWD}{_COLON}(?P<value>{_WITH_AND})", is_told_password),
    # password = … of an INI file
    (f"{_PASSWORD_OR_PWD}{_SPACED}(?P<value>{_WITH_AND})", is_set_password),
    # password=… of a query, a log, a list of settings: a number or a word
    (f"{_PASSWORD}{_OF_NAME}=(?P<value>{UNQUOTED})", is_plain_password),
    # password=Tr0ub4dor&3, where what follows `&` is no next parameter
    (f"{_PASSWORD_OR_PWD}{_OF_NAME}{_BLANKS}?[:=][ \t]*(?P<value>{_CONTINUED})", is_continued_password),
)
PASSWORD_HINTS: Final = ("passw", "passphrase", "passcode", "pwd")

#: Forms that begin at the name of any secret, or before it.
SECRET_FORMS: Final = (
    # OPENAI_API_KEY=… of a shell or an .env file
    (
        "(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|(?:API|ACCESS|ACCOUNT|AUTH|MASTER|PRIVATE"
        f"|SECRET|SIGNING)_?KEY)=(?P<value>{_SHELL_VALUE})",
        is_environment_secret,
        "=",
    ),
    # password=… in prose, a log or a query; next_page_token= and the like stay
    (f"(?:{_WRITTEN_NAME})=(?P<value>{UNQUOTED})", is_written_secret, "="),
    # MYSQL_PWD=…, PGPASSWORD=pw: of four characters on
    (f"(?:[A-Z0-9]_PWD|PASSWORD|PASSWD|PASSPHRASE)=(?P<value>{_SHELL_VALUE})", is_given_password, "="),
    # token: … at the end of a line of YAML, a log, a mail
    (f"(?:{_TOLD_NAME}){_OF_NAME}:[ \t]+(?P<value>{UNQUOTED})", is_told_secret, ":="),
    # api_key = …, client_secret: … wherever on the line
    (f"(?:{_KEY_NAME})(?:{_COLON}|{_SPACED})(?P<value>{UNQUOTED})", is_set_key, ":="),
    # secret: …, secret = …, token = … at the end of a line
    (f"{_EDGE}{in_any_case('secret')}(?:{_COLON}|{_SPACED})(?P<value>{UNQUOTED})", is_bare_secret, ":="),
    (f"{_TOKEN}{_SPACED}(?P<value>{UNQUOTED})", is_set_token, ":="),
)

#: Forms of a command's options, which begin with `--`.
OPTION_FORMS: Final = (
    (f"--(?:{_OPTION_NAME})[ \t]{{1,4}}[\"']?(?P<value>{UNQUOTED})", is_option_secret),
    (f"--(?:{_OPTION_NAME})=[\"']?(?P<value>{UNQUOTED})", is_said_option),
)
OPTION_TRACE: Final = "--[a-z0-9-]{0,40}(?:passw|passphrase|token|secret|key)"
