"""The built-in redaction patterns and field rules, as tables that server and SDK share.

`titan_sdk.redaction.checks` decides whether a match is a secret. RE2 and `re` both read it
(docs/decisions/0038), so every regex keeps to what they read alike: ASCII classes spelt out, no look-around, no
back-reference, no `\\s`, no `$`, no case flag. Raise VERSION with every change: each action stores it.

False positives. Recordings must stay readable and replayable, so a pattern may only match texts that are almost
certainly secrets: a provider's prefix with a body of its length, or a secret's name beside a literal value.
There is no pattern for "a long random string": UUIDs, git hashes, digests, ids and base64 images stay. Placeholders
(`${TOKEN}`, `<key>`, `****`, `YOUR_KEY`) stay, so does prose about passwords. In doubt, inside of a private key for
example, too much is redacted rather than too little.

Linear in `re` too: a body with a required suffix is tried only at its first character (`_EDGE`, `_EDGE_DASH`), so each
run of characters is read once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from titan_sdk.redaction import checks

VERSION: Final = 2  #: of patterns, checks and field rules together
CARD: Final = "card"  #: the pattern of card numbers, which other numbers may match by chance
VALUE_GROUP: Final = "value"  #: the group of a regex that is the secret; without one, the whole match is


class SecretPattern(NamedTuple):
    """One kind of secret in a text."""

    name: str  #: the name in its marker
    regex: str
    #: In lower case; one of them begins at most `reach` characters after the beginning of a match. `re` tries the regex
    #: only there.
    hints: tuple[str, ...] = ()
    #: Whether a match is a secret, by its value and the `following` characters after it (fewer at the end).
    is_secret: Callable[[str, str], bool] | None = None
    reach: int = 1
    following: int = 1


class FieldRule(NamedTuple):
    """Fields whose whole value is removed because of their name. null, booleans and empty values are kept."""

    name: str  #: the name in its marker
    regex: str  #: searched in the name as `spelt_plainly` gives it
    takes_numbers: bool = False  #: else numbers are kept: counts, ids and limits
    takes_containers: bool = True  #: else a list or an object is searched like any other
    shortest: int = 1  #: characters; a shorter text is kept


def _any_case(regex: str) -> str:
    """Return a simple regex that ignores the case of ASCII letters; RE2's flag folds letters that `re`'s does not."""
    pieces = re.split(r"(\[[^\]]*\])", regex)
    return "".join(
        piece if piece.startswith("[") else re.sub("[a-z]", lambda letter: f"[{letter[0].upper()}{letter[0]}]", piece)
        for piece in pieces
    )


_EDGE: Final = "(?:^|[^A-Za-z0-9_])"
_EDGE_DASH: Final = "(?:^|[^A-Za-z0-9_-])"
_EDGE_PLAIN: Final = "(?:^|[^A-Za-z0-9])"
_PEM_LINE: Final = "[ \t\r\n]|\\\\+[rnt]"
_CONNECTION_SETTING: Final = (
    f"(?:{_any_case('accountkey|sharedaccesskey|password|pwd')})[ ]?=[ ]?(?P<value>[^;\"' \t\r\n\\\\<>]+)"
)
_NAME_HINTS: Final = ("passw", "passphrase", "passcode", "pwd", "secret", "token", "key")
_NAME_REACH: Final = 14  # of "subscription__key"
_KEY_WORDS: Final = (
    "api|access|account|auth|encryption|master|private|secret|secret[_-]?access|signing|ssh|subscription"
)
_TOKEN_WORDS: Final = "access|api|auth|bearer|bot|id|refresh|session"
_OF_NAME: Final = "[0-9_]{0,4}"
_BLANKS: Final = "(?:[ ]{1,16}|\t{1,4})"
_COLON: Final = f"{_OF_NAME}{_BLANKS}?:[ \t]*"
_SPACED: Final = f"{_OF_NAME}(?:{_BLANKS}=|=[ \t])[ \t]*"
_NOT_QUOTED: Final = "^ \t\r\n\"'\\\\;<>`|&,()\\[\\]{}"
_UNQUOTED: Final = f"[{_NOT_QUOTED}]+"
_WITH_AND: Final = f"[{_NOT_QUOTED.replace('&', '')}]+"
_CONTINUED: Final = f"{_UNQUOTED}(?:[&,][{_NOT_QUOTED}=:]+)*"  # `+` would read one run again and again
_SHELL_VALUE: Final = "[^ \t\r\n\"'\\\\;<>`|]+"
_PASSWORD: Final = _any_case("(?:password|passwd|passphrase|passcode)")
_PASSWORD_OR_PWD: Final = _any_case("(?:password|passwd|passphrase|passcode|pwd)")
_SAID_NAME: Final = _any_case("(?:password|passwd|passphrase)")  # `pwd` is a folder, too
_SECRET: Final = _any_case("secret")
_TOKEN: Final = _EDGE_DASH + _any_case(f"(?:(?:{_TOKEN_WORDS})[_-]?)?token")
_KEY_NAME: Final = _any_case("(?:(?:client|app|shared)[_-]?secret|(?:api|access|auth|private|secret)[_-]?key)")
_PASSWORD_NAME: Final = _any_case("(?:password|passwd|passphrase|pwd)") + f"|{_KEY_NAME}|{_TOKEN}"
_WRITTEN_NAME: Final = (
    _any_case("(?:password|passwd|passphrase|pwd|secret|(?:api|access|auth|private|secret)[_-]?key)") + f"|{_TOKEN}"
)
_ENVIRONMENT_NAME: Final = (
    "PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|(?:API|ACCESS|ACCOUNT|AUTH|MASTER|PRIVATE|SECRET|SIGNING)_?KEY"
)
_OPTION_NAME: Final = (
    "(?:[a-z0-9]{1,12}-){0,2}(?:password|passwd|passphrase)"
    f"|(?:(?:{_TOKEN_WORDS})-)?token|(?:client-)?secret|(?:api|access|auth|private|secret)-key"
)
_TELLING_QUOTED: Final = (
    _any_case(
        f"(?:password|passwd|passphrase|secret|(?:{_KEY_WORDS})[_-]?key|(?:{_TOKEN_WORDS})[_-]?token|(?:[_-]|^)token)"
    )
    + "[0-9_]{0,4}\\\\{0,8}[\"']?[ \t]{0,4}[:=][ \t]*"
)
_TAG: Final = _any_case(f"(?:(?:{_KEY_WORDS})[_-]?key|(?:(?:{_TOKEN_WORDS})[_-]?)?token|pwd|secret)")
_OF_TAG: Final = (
    "[0-9_]{0,4}(?:[ \t][A-Za-z0-9_=\"'.:/-]{0,16})?>(?P<value>[^<> \t\r\n]+)</[A-Za-z0-9_.:-]{0,40}"  # up to its name
)
#: "The password of the admin account is now …": up to six words between the name and what is said of it.
_SAID: Final = (
    "(?:[ \t]{1,4}(?:for|of|on|to)(?:[ \t]{1,4}[A-Za-z0-9_.@/'-]{1,40}){1,5})?[ \t]{1,4}"
    "(?:(?:(?:is|was|has[ \t]been)[ \t]{1,4})?(?:set|reset|changed)[ \t]{1,4}to|(?:is|was)(?:[ \t]{1,4}(?:now|still))?)"
    "[ \t]{1,4}(?:\\\\{0,4}[\"'`])?"
)
_BLANK: Final = "(?:[ \t]|\\\\\r?\n)+"
_ARGUMENTS: Final = f"{_BLANK}(?:[^ \t\r\n;|&]+{_BLANK}){{0,12}}?"
_LOGIN: Final = "(?:docker|podman|nerdctl|buildah|skopeo|oc|az|cf|registry)[ ]login"

SECRET_PATTERNS: Final = (
    # --- model providers ---------------------------------------------------------------------------------------------
    SecretPattern("anthropic_key", _EDGE + "(?P<value>sk-ant-[A-Za-z0-9_-]{20,})", ("sk-ant-",)),
    SecretPattern(
        "openai_key",  # and DeepSeek's, OpenRouter's, Langfuse's; `sk-toggleable__label` is scikit-learn's
        _EDGE
        + "(?P<value>sk-(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{32,}|sk-lf-[0-9a-f-]{36})",
        ("sk-",),
        checks.has_digit,
    ),
    SecretPattern("google_key", _EDGE_DASH + "(?P<value>AIza[A-Za-z0-9_-]{35,})", ("aiza",)),
    SecretPattern("huggingface_token", _EDGE + "(?P<value>(?:hf|api_org)_[A-Za-z0-9]{30,})", ("hf_", "api_org_")),
    SecretPattern(
        "model_key",  # Groq, xAI, Perplexity, Replicate, NVIDIA, LangSmith, Tavily
        _EDGE
        + "(?P<value>gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{60,}|pplx-[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{37,}"
        + "|nvapi-[A-Za-z0-9_-]{50,}|lsv2_(?:pt|sk)_[A-Za-z0-9_]{32,}|tvly-(?:dev-|prod-)?[A-Za-z0-9]{24,})",
        ("gsk_", "xai-", "pplx-", "r8_", "nvapi-", "lsv2_", "tvly-"),
    ),
    # --- the same without an edge before them, or as base64 ----------------------------------------------------------
    SecretPattern("anthropic_key", "sk-ant-[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{20,}", ("sk-ant-",)),
    SecretPattern("openai_key", "sk-[A-Za-z0-9_-]{40,}", ("sk-",), checks.has_openais_mark),
    SecretPattern("github_token", r"gh[pousr]_[A-Za-z0-9]{36}\b", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    SecretPattern(  # of the keys that `is_encoded_key` knows, by their first three characters: those are four in base64
        "encoded_key",
        "(?:^|[^A-Za-z0-9+/_-])(?P<value>(?:c2st|Z2h[1hvwyz]|Z2l0|Z2xw|aGZf|eG94|QUtJ)[A-Za-z0-9+/_-]{22,}={0,2})",
        ("c2st", "z2h1", "z2hh", "z2hv", "z2hw", "z2hy", "z2hz", "z2l0", "z2xw", "agzf", "eg94", "qutj"),
        checks.is_encoded_key,
    ),
    # --- clouds and services -----------------------------------------------------------------------------------------
    SecretPattern(
        "aws_key_id",  # base32 of fixed length; the secret that goes with it has no form, its field's name tells it
        _EDGE + r"(?P<value>(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
        ("akia", "asia", "abia", "acca"),
    ),
    SecretPattern(
        "google_oauth",
        _EDGE + r"(?P<value>ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{30,})",
        ("ya29.", "gocspx-", "1//0"),
    ),
    SecretPattern(
        "github_token",
        _EDGE + "(?P<value>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    SecretPattern(
        "gitlab_token",
        _EDGE + "(?P<value>gl(?:pat|rt|dt|ptt)-[A-Za-z0-9_-]{20,})",
        ("glpat-", "glrt-", "gldt-", "glptt-"),
    ),
    SecretPattern(
        "slack_token",
        _EDGE + "(?P<value>xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{20,})",
        ("xox", "xapp-"),
        checks.has_digit,
    ),
    SecretPattern(
        "slack_webhook",
        "hooks\\.slack\\.com/(?:services|workflows|triggers)/(?P<value>[A-Za-z0-9]+/[A-Za-z0-9/]{20,})",
        ("hooks.slack.com/",),
    ),
    SecretPattern(
        "stripe_key",  # pk_ is meant to be public
        _EDGE + "(?P<value>[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,})",
        ("k_live_", "k_test_", "whsec_"),
        reach=2,
    ),
    SecretPattern("sendgrid_key", _EDGE_DASH + r"(?P<value>SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})", ("sg.",)),
    SecretPattern("telegram_token", _EDGE + "(?P<value>[0-9]{8,10}:AA[A-Za-z0-9_-]{32,})", (":aa",), reach=11),
    SecretPattern(
        # npm, PyPI, DigitalOcean, Shopify, Linear, Notion, Doppler, Docker, HashiCorp Vault, Databricks, Figma, Sentry
        "service_token",
        _EDGE
        + "(?P<value>npm_[A-Za-z0-9]{36,}|pypi-AgE[A-Za-z0-9_-]{50,}|do[opr]_v1_[0-9a-f]{64}"
        + "|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32,}|lin_api_[A-Za-z0-9]{32,}|ntn_[A-Za-z0-9]{40,}"
        + "|dp\\.[a-z]{2}\\.[A-Za-z0-9]{40,}|dckr_pat_[A-Za-z0-9_-]{20,}"
        + "|hv[brs]\\.[A-Za-z0-9_-]{24,}|dapi[0-9a-f]{32,}(?:-[0-9]{1,2})?"
        + "|figd_[A-Za-z0-9_-]{32,}|sntryu_[0-9a-f]{64}|sntrys_[A-Za-z0-9+/=_-]{40,})",
        (
            *("npm_", "pypi-age", "_v1_", "shpat_", "shpca_", "shppa_", "shpss_", "lin_api_", "ntn_", "dp."),
            *("dckr_pat_", "hvb", "hvr", "hvs", "dapi", "figd", "sntry"),
        ),
        reach=4,
    ),
    SecretPattern(  # a bot's: the digits of its id in base64, a time, a signature
        "discord_token",
        _EDGE_DASH
        + "(?P<value>(?:[MNO][DTjz][AEIMQUYcgk][0-5w-z]){5,6}(?:[MNO][A-Za-z]{1,2})?"
        + r"\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,})",
        tuple(first + second for first in "mno" for second in "dtjz"),
    ),
    SecretPattern(  # ours: of people and workers, of programs (keys), of jobs and of agents' runs
        "titan_token",
        _EDGE
        + "(?P<value>titan_[0-9a-f]{12}_[0-9a-f]{64}|pk_live_[0-9a-f]{40}|titan_job_[0-9a-f]{32}"
        + "|titan_run_[A-Za-z0-9_-]{43})",
        ("titan_", "pk_live_"),
    ),
    # --- forms that anybody uses -------------------------------------------------------------------------------------
    SecretPattern(  # RFC 7519: two JSON objects, so both parts begin with `{"`
        "jwt", _EDGE_DASH + r"(?P<value>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)", ("eyj",)
    ),
    SecretPattern(  # RFC 7468, OpenPGP; one cut off before its end too. The header alone, in code for example, stays
        "private_key",
        "-----BEGIN (?:[A-Z0-9]+ )?PRIVATE KEY(?: BLOCK)?-----"
        + f"(?P<value>(?:{_PEM_LINE})*(?:[A-Za-z-]+: (?:-?[^\n\r\\\\-])*(?:{_PEM_LINE})+)*"
        + f"[A-Za-z0-9+/=]{{16,}}(?:[A-Za-z0-9+/=]|{_PEM_LINE})*)",
        ("-----begin ",),
    ),
    SecretPattern(  # RFC 6750
        "bearer_token",
        _EDGE + "[Bb](?:earer|EARER)[ \t]+(?P<value>[A-Za-z0-9._~+/=-]{16,})",
        ("bearer",),
        checks.has_digit,
    ),
    SecretPattern(  # RFC 7617
        "basic_auth",
        _EDGE + "[Bb](?:asic|ASIC)[ \t]+(?P<value>[A-Za-z0-9+/]{6,}={0,2})",
        ("basic",),
        checks.is_basic_auth,
    ),
    SecretPattern(  # RFC 3986 3.2.1
        "url_password",
        "://[A-Za-z0-9._~%!$&()*+,;=-]*:(?P<value>[^ \t\r\n\"'<>@/\\\\`?#]+)@",
        ("://",),
        checks.is_literal,
    ),
    *(
        SecretPattern(  # ADO.NET, ODBC, Azure: one of several settings
            "connection_string",
            before + _CONNECTION_SETTING + after,
            ("accountkey", "sharedaccesskey", "password", "pwd"),
            checks.is_connection_secret,
            reach=2,
        )
        for before, after in ((";[ ]?", ""), ("(?:^|[\"' ])", ";"))
    ),
    # --- values behind a telling name --------------------------------------------------------------------------------
    # One that a closer look must extend stands twice, with and without what may go on behind `&` or `,`: what both find
    # is taken as one, so that no tail of a secret stays.
    *(
        SecretPattern("assigned_secret", regex, _NAME_HINTS, is_secret, _NAME_REACH)
        for regex, is_secret in (
            # password: "…" in a source text or a log; within a quoted text too
            (_TELLING_QUOTED + r'"(?P<value>(?:[^"\r\n\\]|\\[^\r\n])+)"', checks.is_assigned_secret),
            (_TELLING_QUOTED + r"'(?P<value>(?:[^'\r\n\\]|\\[^\r\n])+)'", checks.is_assigned_secret),
            (_TELLING_QUOTED + r'\\+"(?P<value>(?:[^"\r\n\\]|\\+[^"\r\n\\])+)\\+"', checks.is_assigned_secret),
            (_TELLING_QUOTED + r"\\+'(?P<value>(?:[^'\r\n\\]|\\+[^'\r\n\\])+)\\+'", checks.is_assigned_secret),
            # OPENAI_API_KEY=… of a shell or an .env file
            (f"(?:{_ENVIRONMENT_NAME})=(?P<value>{_SHELL_VALUE})", checks.is_environment_secret),
            # password=… in prose, a log or a query; next_page_token= and the like stay
            (f"(?:{_WRITTEN_NAME})=(?P<value>{_UNQUOTED})", checks.is_written_secret),
            # MYSQL_PWD=…, PGPASSWORD=pw: of four characters on
            (f"(?:[A-Z0-9]_PWD|PASSWORD|PASSWD|PASSPHRASE)=(?P<value>{_SHELL_VALUE})", checks.is_given_password),
            # token: … at the end of a line of YAML, a log, a mail
            (f"(?:{_PASSWORD_NAME}){_OF_NAME}:[ \t]+(?P<value>{_UNQUOTED})", checks.is_line_end_secret),
            # api_key = …, client_secret: … wherever on the line
            (f"(?:{_KEY_NAME})(?:{_COLON}|{_SPACED})(?P<value>{_UNQUOTED})", checks.is_set_key),
            # secret: …, secret = …, token = … at the end of a line
            (f"{_EDGE_PLAIN}{_SECRET}(?:{_COLON}|{_SPACED})(?P<value>{_UNQUOTED})", checks.is_bare_secret),
            (f"{_TOKEN}{_SPACED}(?P<value>{_UNQUOTED})", checks.is_set_token),
            # XML; `</password>` is looked for too, so that a tag's end is not taken for its beginning
            (f"{_SAID_NAME}{_OF_TAG}{_SAID_NAME}", checks.is_assigned_secret),
            (f"{_TAG}{_OF_TAG}{_TAG}", checks.is_markup_secret),
        )
    ),
    *(
        SecretPattern("assigned_secret", regex, ("passw", "passphrase", "passcode", "pwd"), is_secret, 0)
        for regex, is_secret in (
            # password: … of YAML, a log, a mail, wherever on the line
            (f"{_PASSWORD_OR_PWD}{_COLON}(?P<value>{_WITH_AND})", checks.is_named_password),
            # password = … of an INI file
            (f"{_PASSWORD_OR_PWD}{_SPACED}(?P<value>{_WITH_AND})", checks.is_set_password),
            # password=… of a query, a log, a list of settings: a number or a word
            (f"{_PASSWORD}{_OF_NAME}=(?P<value>{_UNQUOTED})", checks.is_plain_password),
            # password=Tr0ub4dor&3, where what follows `&` is no next parameter
            (
                f"{_PASSWORD_OR_PWD}{_OF_NAME}{_BLANKS}?[:=][ \t]*(?P<value>{_CONTINUED})",
                checks.is_continued_password,
            ),
            # the password is …
            (f"{_SAID_NAME}{_SAID}(?P<value>[{_NOT_QUOTED}]*[{_NOT_QUOTED}.:?])", checks.is_prose_secret),
        )
    ),
    # a command's options
    SecretPattern(
        "assigned_secret",
        f"--(?:{_OPTION_NAME})[ \t]{{1,4}}[\"']?(?P<value>{_UNQUOTED})",
        ("--",),
        checks.is_option_secret,
    ),
    SecretPattern(
        "assigned_secret", f"--(?:{_OPTION_NAME})=[\"']?(?P<value>{_UNQUOTED})", ("--",), checks.is_said_option
    ),
    *(
        SecretPattern(  # mysql -ppw, sshpass -p pw, docker login -p pw
            "assigned_secret",
            f"{_EDGE_DASH}{command}[\"']?(?P<value>{_UNQUOTED})",
            hints,
            checks.is_given_password,
            reach,
        )
        for command, hints, reach in (
            (f"(?:mysql[a-z]{{0,12}}|mariadb[a-z-]{{0,12}}|7z[ar]?){_ARGUMENTS}-p", ("mysql", "mariadb", "7z"), 1),
            (f"(?:sshpass|mongo[a-z]{{0,10}}|{_LOGIN}){_ARGUMENTS}-p[ =]?", ("sshpass", "mongo", "login"), 10),
            (f"redis-cli{_ARGUMENTS}-a[ ]", ("redis-cli",), 1),
            (f"(?:sqlcmd|bcp|zip|unzip){_ARGUMENTS}-P[ ]", ("sqlcmd", "bcp", "zip"), 3),
            (f"ldap[a-z]{{3,10}}{_ARGUMENTS}-w[ ]", ("ldap",), 1),
        )
    ),
    SecretPattern(  # curl -u user:password
        "assigned_secret",
        f"curl{_BLANK}(?:[^ \t\r\n]+{_BLANK}){{0,12}}?(?:-u|-U|--user|--proxy-user)[ \t=]{{0,4}}"
        "[\"']?[A-Za-z0-9._%@+-]{0,80}:(?P<value>[^ \t\r\n\"'\\\\]+)",
        ("curl",),
        checks.is_login_secret,
    ),
    SecretPattern(  # Visa, Mastercard, American Express, Discover, JCB, Diners, in one run or in their groups
        CARD,
        "(?:^|[^A-Za-z0-9_.+/-])(?P<value>"
        "(?:4[0-9]{3}|5[1-5][0-9]{2}|2(?:2[2-9]|[3-6][0-9]|7[0-2])[0-9]|6011|6[45][0-9]{2}|35[2-8][0-9])"
        "(?:[0-9]{12}| [0-9]{4} [0-9]{4} [0-9]{4}|-[0-9]{4}-[0-9]{4}-[0-9]{4})"
        "|3[47][0-9]{2}(?:[0-9]{11}| [0-9]{6} [0-9]{5}|-[0-9]{6}-[0-9]{5})"
        r"|3(?:0[0-5]|[68][0-9])[0-9](?:[0-9]{10}| [0-9]{6} [0-9]{4}|-[0-9]{6}-[0-9]{4}))\b",
        tuple("23456"),
        checks.is_card_number,
        following=2,
    ),
)

FIELD_RULES: Final = (
    FieldRule("password", "(?:passw(?:or)?d|passphrase|passcode)s?(?:_hash)?$|_pwd$", takes_numbers=True),
    FieldRule("secret", "(?:^|_)secrets?$|clientsecret$|secret_(?:access_)?key$", takes_numbers=True),
    FieldRule(
        "api_key",
        "api_?keys?$|(?:^|_)(?:access|account|auth|encryption|master|private|service|shared_access|shared|signing|ssh"
        "|subscription|webhook)_?key$",
    ),
    FieldRule("token", "(?:^|_)(?:access|api|auth|bearer|refresh|session)_?tokens$"),
    # Of a tokenizer or a logprob a token is a piece of text; of a page or a model's vocabulary it is no secret either.
    FieldRule("token", "(?:^|_|access|auth|refresh)token$", takes_containers=False, shortest=8),
    FieldRule("authorization", "(?:^|_)authorization$"),
    FieldRule("cookie", "(?:^|_)cookies?$"),
    FieldRule("credentials", "(?:^|_)credentials?$"),
    FieldRule("connection_string", "connection_?string$|(?:^|_)dsn$"),
    FieldRule("card", "card_?number$|(?:^|_)(?:cvv|cvc|iban)$", takes_numbers=True),
    FieldRule("ssn", "(?:^|_)ssn$", takes_numbers=True),
)
#: In lower case: the name of each field that a rule takes holds one of them.
FIELD_HINTS: Final = (
    *("passw", "passphrase", "passcode", "pwd", "secret", "token", "key", "authorization", "cookie", "credential"),
    *("connection", "dsn", "card", "cvv", "cvc", "iban", "ssn"),
)
#: In lower case, what JSON text holds if what is taken from it has no hint or an escape hides it: escapes of what could
#: stand plainly, bytes, numbers and tokens by their lengths, powers of ten, hints of two characters; and of the hint
#: "token", which counts of tokens have too, what may be a secret's name.
SHAPES: Final = (
    r"\\(?:/|u00[2-7])",
    r"\$byte",
    "[0-9]{13}",
    "[0-9]{4}[ -][0-9]{4,6}[ -][0-9]{4}",
    r"[0-9.]e\+?0*1[0-9]",
    r"\.[a-z0-9_-]{6,7}\.[a-z0-9_-]{27}",
    "7z",
    "--",
    "token(?:[^a-z_]|_[^a-z]|$)",
    "(?:access|api|auth|bearer|refresh|session)[^a-z]{0,2}tokens",
)
_NO_SECRET: Final = re.compile(
    "(?:^|_)(?:next|page|continuation|pagination|sync|start|end|last|first|cancel|cancellation|previous|current|stop|special"
    "|bos|eos|pad|unk|sep|cls|mask|image|max|min|per|public)_?(?:page_?)?(?:token|key|secret)s?$"
)
#: Of numbers that are as long as a card's: durations, times, sizes, seeds.
COUNTED: Final = re.compile("(?:^|_)(?:[mnu]s|nanos|micros|time|timestamp|at|duration|elapsed|bytes|size|seed|count)$")
_FIELDS: Final = tuple((rule, re.compile(rule.regex)) for rule in FIELD_RULES)
_CAMEL: Final = re.compile("([a-z0-9])([A-Z])")
_SEPARATORS: Final = re.compile("[-_. :/]{1,2}")  # more of them, and it is no name


def spelt_plainly(field: str) -> str:
    """Return a field's name in snake case, without a final number: `X-API-Key`, `apiKey2` → `x_api_key`, `api_key`."""
    return _SEPARATORS.sub("_", _CAMEL.sub(r"\1_\2", field)).lower().rstrip("_0123456789").lstrip("_")


@lru_cache(maxsize=4096)  # the names of fields repeat from call to call
def field_rule(field: str) -> FieldRule | None:
    """Return the rule for a field of this name, None when it is not the name of a secret."""
    if len(field) > 200 or not field.isascii():
        return None
    name = spelt_plainly(field)
    if _NO_SECRET.search(name):
        return None
    return next((rule for rule, regex in _FIELDS if regex.search(name)), None)


def is_pair_secret(rule: FieldRule, value: str) -> bool:
    """Return whether the second of two texts in a list is a secret, the first being a field's name.

    Most lists of two such texts hold names only, such as columns: so the value must look like a secret.
    """
    if rule.name in ("authorization", "cookie"):
        return "=" in value or (rule.name == "authorization" and len(value) >= 6 and checks.has_digit(value, ""))
    return checks.is_option_secret(value, "")
