"""What a secret looks like: the patterns and field names by which server and SDK alike take secrets away.

Data; `titan_sdk.redaction_checks` says whether what they find is a secret. Pure, standard library only; the server
reads it with RE2 and the SDK with `re` (docs/decisions/0023), so every regex keeps to what both read alike: ASCII
classes spelt out, no look-around, no back-reference, no `\\s`, no `$`, no counted negated class, no case flag.

False positives. What is recorded must stay readable and replayable, so a pattern may only match what hardly anything
but a secret looks like: a provider's own prefix with a body of its length, or a telling name beside a literal value.
There is no pattern for "a long random string": UUIDs, git hashes, digests, ids and base64 images stay. Placeholders
(`${TOKEN}`, `<key>`, `****`, `YOUR_KEY`) stay, so does prose about passwords. Where both errors are possible at once,
inside of a private key for example, rather too much is taken.

Linear in `re` too: a body that something must follow is entered only at its first character (`_EDGE`, `_EDGE_DASH`),
so each run of characters is read once, however a text is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from titan_sdk.redaction_assigned import (
    NOT_QUOTED,
    OPTION_FORMS,
    OPTION_TRACE,
    PASSWORD_FORMS,
    PASSWORD_HINTS,
    SECRET_FORMS,
    TOKEN_WORDS,
    UNQUOTED,
    in_any_case,
)
from titan_sdk.redaction_checks import (
    has_digit,
    is_assigned_secret,
    is_basic_auth,
    is_card_number,
    is_connection_secret,
    is_given_password,
    is_literal,
    is_login_secret,
    is_markup_secret,
    is_option_secret,
    is_prose_secret,
)
from titan_sdk.redaction_hidden import ENCODED, ENCODED_HINTS, has_openais_mark, is_encoded_key

VALUE_GROUP: Final = "value"  #: the group of a regex that is the secret; without one, the whole match is
CHIP: Final = re.compile(r"\[redacted:[a-z0-9_-]{1,64}\]", re.ASCII)  # what stands where a secret stood


class SecretPattern(NamedTuple):
    """One kind of secret in a text."""

    name: str  #: what its chip says
    regex: str
    #: In lower case; one of them begins within the first `reach` characters after a match's first. They are looked for
    #: before the regex is. Without any, it is tried everywhere.
    hints: tuple[str, ...]
    #: A looser regex, in lower case, which JSON text that holds a match holds too; "": any of the hints.
    trace: str = ""
    #: Whether a match is a secret, told by its value and by the `following` characters behind it (fewer at the end).
    is_secret: Callable[[str, str], bool] | None = None
    reach: int = 1
    #: One of these characters comes within `FOLLOWS_WITHIN` after the hint; "": whatever may.
    follows: str = ""
    #: Without hints: a regex, in lower case, of what each match holds where a hint would be. It begins with a character
    #: or a class, which `re` looks for fast.
    glance: str = ""
    following: int = 1


class FieldRule(NamedTuple):
    """Fields whose whole value goes, because of their name. null, booleans and empty values always stay."""

    name: str  #: what its chip says
    regex: str  #: searched in the name as `spelt_plainly` gives it
    takes_numbers: bool = False  #: else they stay: they are counts, ids and limits
    takes_containers: bool = True  #: else a list or an object is looked into like any other
    shortest: int = 1  #: characters; a shorter text stays


_EDGE: Final = "(?:^|[^A-Za-z0-9_])"
_EDGE_DASH: Final = "(?:^|[^A-Za-z0-9_-])"
_KEY_WORDS: Final = (
    "api|access|account|auth|encryption|master|private|secret|secret[_-]?access|signing|ssh|subscription"
)
_TELLING: Final = in_any_case(
    f"(?:password|passwd|passphrase|secret|(?:{_KEY_WORDS})[_-]?key|(?:{TOKEN_WORDS})[_-]?token|(?:[_-]|^)token)"
)
#: In lower case: each name that `_TELLING` or a field rule matches holds one of them, not far from its beginning.
FIELD_HINTS: Final = (
    *("passw", "passphrase", "passcode", "pwd", "secret", "token", "key", "authorization", "cookie", "credential"),
    *("connection", "dsn", "card", "cvv", "cvc", "iban", "ssn"),
)
FOLLOWS_WITHIN: Final = 40  # characters: what a regex allows between the two is counted, and is fewer
FIELD_REACH: Final = 14  # of "subscription__key"
#: The end of a telling name and what makes it one: the quote after a JSON key, escaped or not, an assignment, a colon
#: right before a value or, with blanks between, before one that holds a digit, or the end of a tag.
FIELD_TRACE: Final = (
    "(?:passw(?:or)?ds?|passphrases?|passcodes?|pwd|secrets?|token|(?:access|api|auth|bearer|refresh|session)"
    "[-_. :/]{0,2}tokens|authorization|cookies?|credentials?|connection[-_. :/]{0,2}string|dsn|card[-_. :/]{0,2}number"
    "|cvv|cvc|iban|ssn|(?:api|access|account|auth|encryption|master|private|secret|service|shared|signing|ssh"
    "|subscription|webhook)"
    '[-_. :/]{0,2}keys?)(?:[-_. :/]{0,2}hash)?[-_. :/0-9]*(?:\\\\*"'
    '|(?:[\\\\t\t"\'][\\\\ t\t"\']*)?(?:=|:[\\\\ t\t]*["\']|:[^ \t"\\\\:]|:(?:[ \t]|\\\\+t)+[^ \t"\\\\]*[0-9])'
    "|(?:(?:[ \t]|\\\\)[a-z0-9_=\\\\\"'.:/-]{0,32})?>[^<> \t]+</)"
)
#: Escapes in JSON text of what could be written plainly; with one, no trace can be trusted.
ESCAPE_TRACE: Final = r"\\(?:/|u00(?:[2-7]|0[9ad]))"
ESCAPED: Final = r"\\u[0-9a-f]{4}"  # a character in JSON text, at any depth: its last digit is none of a number behind
#: Of a number in JSON text, which may be a card's: `4.111111111111111E15`, as Java writes it.
POWER_TRACE: Final = r"[\[:, \t\r\nnrt][0-9]+(?:\.[0-9]+)?e\+?[0-9]+[],} \t\r\n\\]"
_TELLING_QUOTED: Final = _TELLING + "[0-9_]{0,4}\\\\{0,8}[\"']?[ \t]{0,4}[:=][ \t]*"
_SAID_NAME: Final = in_any_case("(?:password|passwd|passphrase)")  # `pwd` is a folder, too
#: "The password of the admin account is now …": up to six words between the name and what is said of it.
_SAID: Final = (
    "(?:[ \t]{1,4}(?:for|of|on|to)(?:[ \t]{1,4}[A-Za-z0-9_.@/'-]{1,40}){1,5})?[ \t]{1,4}"
    "(?:(?:(?:is|was|has[ \t]been)[ \t]{1,4})?(?:set|reset|changed)[ \t]{1,4}to|(?:is|was)(?:[ \t]{1,4}(?:now|still))?)"
    "[ \t]{1,4}(?:\\\\{0,4}[\"'`])?"
)
_SAID_TRACE: Final = (
    "(?:password|passwd|passphrase)(?:[ \t]|\\\\+t){1,4}(?:for|of|on|to|is|was|has|set|reset|changed)(?:[ \t]|\\\\+t)"
)
_BLANK: Final = "(?:[ \t]|\\\\\r?\n)+"
_ARGUMENTS: Final = f"{_BLANK}(?:[^ \t\r\n;|&]+{_BLANK}){{0,12}}?"
_LOGIN: Final = "(?:docker|podman|nerdctl|buildah|skopeo|oc|az|cf|registry)[ ]login"
#: Commands that take a password by a letter, attached to it or behind it, with their hints and those' reach.
_GIVEN: Final = (
    (f"(?:mysql[a-z]{{0,12}}|mariadb[a-z-]{{0,12}}|7z[ar]?){_ARGUMENTS}-p", ("mysql", "mariadb", "7z"), 1),
    (f"(?:sshpass|mongo[a-z]{{0,10}}|{_LOGIN}){_ARGUMENTS}-p[ =]?", ("sshpass", "mongo", "login"), 10),
    (f"redis-cli{_ARGUMENTS}-a[ ]", ("redis-cli",), 1),
    (f"(?:sqlcmd|bcp|zip|unzip){_ARGUMENTS}-P[ ]", ("sqlcmd", "bcp", "zip"), 3),
    (f"ldap[a-z]{{3,10}}{_ARGUMENTS}-w[ ]", ("ldap",), 1),
)
_GIVEN_TRACE: Final = "mysql|mariadb|7z|sshpass|mongo|login|redis-cli|sqlcmd|bcp|zip|ldap"
_PASSWORD_TAG: Final = in_any_case("(?:password|passwd|passphrase)")
_TAG: Final = in_any_case(f"(?:(?:{_KEY_WORDS})[_-]?key|(?:(?:{TOKEN_WORDS})[_-]?)?token|pwd|secret)")
_OF_TAG: Final = "[0-9_]{0,4}(?:[ \t][A-Za-z0-9_=\"'.:/-]{0,16})?>"
_CONNECTION_SETTING: Final = (
    f"(?:{'|'.join(map(in_any_case, ('accountkey', 'sharedaccesskey', 'password', 'pwd')))})"
    "[ ]?=[ ]?(?P<value>[^;\"' \t\r\n\\\\<>]+)"
)
_DISCORD_TRACE: Final = r"\.[a-z0-9_-]{6,7}\.[a-z0-9_-]{27}"
_PEM_LINE: Final = "[ \t\r\n]|\\\\+[rnt]"

SECRET_PATTERNS: Final = (
    # --- model providers ---------------------------------------------------------------------------------------------
    SecretPattern("anthropic_key", _EDGE + "(?P<value>sk-ant-[A-Za-z0-9_-]{20,})", ("sk-ant-",)),
    SecretPattern(
        "openai_key",  # and DeepSeek's, OpenRouter's, Langfuse's; `sk-toggleable__label` is scikit-learn's
        _EDGE
        + "(?P<value>sk-(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{32,}|sk-lf-[0-9a-f-]{36})",
        ("sk-",),
        "sk-(?:proj|svcacct|admin|none|or-v1|lf)-|sk-[a-z0-9]{32}",
        has_digit,
    ),
    SecretPattern("google_key", _EDGE_DASH + "(?P<value>AIza[A-Za-z0-9_-]{35,})", ("aiza",), "aiza[a-z0-9_-]{35}"),
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
    SecretPattern("openai_key", "sk-[A-Za-z0-9_-]{40,}", ("sk-",), "t3blbkfj", has_openais_mark),
    SecretPattern("github_token", r"gh[pousr]_[A-Za-z0-9]{36}\b", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    SecretPattern(
        "encoded_key",
        f"(?:^|[^A-Za-z0-9+/_-])(?P<value>{ENCODED})",
        ENCODED_HINTS,
        f"(?:{'|'.join(ENCODED_HINTS)})[a-z0-9+/_-]{{22}}",
        is_encoded_key,
    ),
    # --- clouds and services -----------------------------------------------------------------------------------------
    SecretPattern(
        "aws_key_id",  # base32 of fixed length; the secret that goes with it has no form, its field's name tells it
        _EDGE + r"(?P<value>(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
        ("akia", "asia", "abia", "acca"),
        "(?:akia|asia|abia|acca)[a-z2-7]{16}",
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
        "xox[abeoprs]-|xapp-",
        has_digit,
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
    SecretPattern(
        "telegram_token", _EDGE + "(?P<value>[0-9]{8,10}:AA[A-Za-z0-9_-]{32,})", (":aa",), ":aa[a-z0-9_-]{32}", reach=11
    ),
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
        (),
        _DISCORD_TRACE,
        reach=28,
        glance=_DISCORD_TRACE,
    ),
    SecretPattern(
        "titan_token", _EDGE + "(?P<value>titan_[0-9a-f]{12}_[0-9a-f]{64})", ("titan_",), "titan_[0-9a-f]{12}_"
    ),
    # --- forms that anybody uses -------------------------------------------------------------------------------------
    SecretPattern(  # RFC 7519: two JSON objects, so both parts begin with `{"`
        "jwt",
        _EDGE_DASH + r"(?P<value>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)",
        ("eyj",),
        r"eyj[a-z0-9_-]+\.eyj",
    ),
    SecretPattern(  # RFC 7468, OpenPGP; one cut off before its end too. The header alone, in code for example, stays
        "private_key",
        "-----BEGIN (?:[A-Z0-9]+ )?PRIVATE KEY(?: BLOCK)?-----"
        + f"(?P<value>(?:{_PEM_LINE})*(?:[A-Za-z-]+: (?:-?[^\n\r\\\\-])*(?:{_PEM_LINE})+)*"
        + f"[A-Za-z0-9+/=]{{16,}}(?:[A-Za-z0-9+/=]|{_PEM_LINE})*)",
        ("-----begin ",),
        "-----begin [a-z0-9 ]*private key",
    ),
    SecretPattern(  # RFC 6750
        "bearer_token",
        _EDGE + "[Bb](?:earer|EARER)[ \t]+(?P<value>[A-Za-z0-9._~+/=-]{16,})",
        ("bearer",),
        "bearer(?:[ \t]|\\\\+t)+[a-z0-9._~+/=-]{16}",
        has_digit,
    ),
    SecretPattern(  # RFC 7617
        "basic_auth",
        _EDGE + "[Bb](?:asic|ASIC)[ \t]+(?P<value>[A-Za-z0-9+/]{6,}={0,2})",
        ("basic",),
        "basic(?:[ \t]|\\\\+t)+[a-z0-9+/]{6}",
        is_basic_auth,
    ),
    SecretPattern(  # RFC 3986 3.2.1
        "url_password",
        "://[A-Za-z0-9._~%!$&()*+,;=-]*:(?P<value>[^ \t\r\n\"'<>@/\\\\`?#]+)@",
        ("://",),
        '://[a-z0-9._~%!$&()*+,;=-]*:(?:[^ "<>@/\\\\]|\\\\+[bfu])+@',
        is_literal,
    ),
    *(
        SecretPattern(  # ADO.NET, ODBC, Azure: one of several settings
            "connection_string",
            before + _CONNECTION_SETTING + after,
            ("accountkey", "sharedaccesskey", "password", "pwd"),
            "(?:accountkey|sharedaccesskey|password|pwd) ?=",
            is_connection_secret,
            reach=2,
        )
        for before, after in ((";[ ]?", ""), ("(?:^|[\"' ])", ";"))
    ),
    *(
        SecretPattern(  # password: "…" in a source text or a log
            "assigned_secret", _TELLING_QUOTED + regex, FIELD_HINTS, FIELD_TRACE, is_assigned_secret, FIELD_REACH, ":="
        )
        for regex in (
            r'"(?P<value>(?:[^"\r\n\\]|\\[^\r\n])+)"',
            r"'(?P<value>(?:[^'\r\n\\]|\\[^\r\n])+)'",
            r'\\+"(?P<value>(?:[^"\r\n\\]|\\+[^"\r\n\\])+)\\+"',  # within a quoted text
            r"\\+'(?P<value>(?:[^'\r\n\\]|\\+[^'\r\n\\])+)\\+'",
        )
    ),
    *(
        SecretPattern("assigned_secret", regex, FIELD_HINTS, FIELD_TRACE, is_secret, FIELD_REACH, follows)
        for regex, is_secret, follows in SECRET_FORMS
    ),
    *(
        SecretPattern("assigned_secret", regex, PASSWORD_HINTS, FIELD_TRACE, is_secret, 0, ":=")
        for regex, is_secret in PASSWORD_FORMS
    ),
    *(SecretPattern("assigned_secret", regex, ("--",), OPTION_TRACE, is_secret) for regex, is_secret in OPTION_FORMS),
    SecretPattern(  # the password is …
        "assigned_secret",
        f"{_SAID_NAME}{_SAID}(?P<value>[{NOT_QUOTED}]*[{NOT_QUOTED}.:?])",
        ("passw", "passphrase"),
        _SAID_TRACE,
        is_prose_secret,
        reach=0,
    ),
    *(
        SecretPattern(  # mysql -ppw, sshpass -p pw, docker login -p pw
            "assigned_secret",
            f"(?:^|[^A-Za-z0-9_-]){command}[\"']?(?P<value>{UNQUOTED})",
            hints,
            _GIVEN_TRACE,
            is_given_password,
            reach,
        )
        for command, hints, reach in _GIVEN
    ),
    *(
        SecretPattern(  # XML; `</password>` is looked for too, so that a tag's end is not taken for its beginning
            "assigned_secret",
            f"{tag}{_OF_TAG}(?P<value>[^<> \t\r\n]+)</[A-Za-z0-9_.:-]{{0,40}}{tag}",
            FIELD_HINTS,
            FIELD_TRACE,
            is_secret,
            FIELD_REACH,
            ">",
        )
        for tag, is_secret in ((_PASSWORD_TAG, is_assigned_secret), (_TAG, is_markup_secret))
    ),
    SecretPattern(  # curl -u user:password
        "assigned_secret",
        f"curl{_BLANK}(?:[^ \t\r\n]+{_BLANK}){{0,12}}?(?:-u|-U|--user|--proxy-user)[ \t=]{{0,4}}"
        "[\"']?[A-Za-z0-9._%@+-]{0,80}:(?P<value>[^ \t\r\n\"'\\\\]+)",
        ("curl",),
        'curl(?:[ \t"]|\\\\)',
        is_login_secret,
    ),
    SecretPattern(  # Visa, Mastercard, American Express, Discover, JCB, Diners, in one run or in their groups
        "card",
        "(?:^|[^A-Za-z0-9_.+/-])(?P<value>"
        "(?:4[0-9]{3}|5[1-5][0-9]{2}|2(?:2[2-9]|[3-6][0-9]|7[0-2])[0-9]|6011|6[45][0-9]{2}|35[2-8][0-9])"
        "(?:[0-9]{12}| [0-9]{4} [0-9]{4} [0-9]{4}|-[0-9]{4}-[0-9]{4}-[0-9]{4})"
        "|3[47][0-9]{2}(?:[0-9]{11}| [0-9]{6} [0-9]{5}|-[0-9]{6}-[0-9]{5})"
        r"|3(?:0[0-5]|[68][0-9])[0-9](?:[0-9]{10}| [0-9]{6} [0-9]{4}|-[0-9]{6}-[0-9]{4}))\b",
        (),
        f"(?:^|[^0-9.]|{ESCAPED})[2-6][0-9]{{3}}[ -]?[0-9]{{4}}[0-9]{{0,2}}[ -]?[0-9]{{4}}",
        is_card_number,
        glance=f"[2-6][0-9]{{3}}(?:(?<![0-9.].{{4}})|(?<={ESCAPED}.{{4}}))[ -]?[0-9]{{4}}",  # of no longer number
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
    """Return a field's name in snake case, no number at its end: `X-API-Key`, `apiKey2` → `x_api_key`, `api_key`."""
    return _SEPARATORS.sub("_", _CAMEL.sub(r"\1_\2", field)).lower().rstrip("_0123456789").lstrip("_")


@lru_cache(maxsize=4096)  # the names of fields repeat from call to call
def field_rule(field: str) -> FieldRule | None:
    """Return the rule that takes the value of a field of this name, None when it is no secret's name."""
    if len(field) > 200 or not field.isascii():
        return None
    name = spelt_plainly(field)
    if _NO_SECRET.search(name):
        return None
    return next((rule for rule, regex in _FIELDS if regex.search(name)), None)


def is_pair_secret(rule: FieldRule, value: str) -> bool:
    """Return whether the second of two texts in a list is a secret, the first being the name of a field.

    Most lists of two such texts are names alone, as of columns or headers: so a value must look like one.
    """
    if rule.name in ("authorization", "cookie"):
        return "=" in value or (rule.name == "authorization" and len(value) >= 6 and has_digit(value, ""))
    return is_option_secret(value, "")
