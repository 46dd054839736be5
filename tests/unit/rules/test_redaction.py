"""Server and SDK take away the same secrets, leave everything else, and never store what they took."""

import base64
import json
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.secrets import INNOCENT, INNOCENT_JSON, SECRETS, made
from titan.model.errors import InvalidInput
from titan.rules.redaction import EntryRedactor, make_redactor
from titan_sdk.redaction import MAX_REPEATED, Redactor, marker
from titan_sdk.redaction.finding import MAX_PATTERN, MAX_PATTERNS, LinearFinder, StandardFinder, make_finder

KEY = b"0123456789abcdef0123456789abcdef"
LINEAR, STANDARD = LinearFinder(), StandardFinder()
SERVER, SDK = Redactor(LINEAR, key=KEY), Redactor(STANDARD, key=KEY)
LONG = "zQ8-not.any/form+of=Ours"  # a secret by its name alone

#: Pieces of secrets and what stands around them, in any order: what hits and what just fails to.
FRAGMENTS = [
    *(
        "sk-",
        "sk-ant-",
        "AKIA",
        "ghp_",
        "eyJ",
        ".",
        "://",
        ":",
        "@",
        "Bearer ",
        "Basic ",
        "password",
        "API_KEY",
        "token",
    ),
    *(
        "=",
        '"',
        "'",
        "\\",
        "\\\\",
        "\n",
        "\t",
        " ",
        ";",
        "-----BEGIN PRIVATE KEY-----",
        "A: b",
        "4111",
        "1111",
        "-",
        "_",
    ),
    *(
        "mysql ",
        "sshpass",
        "docker login",
        "unzip",
        " -p",
        " -P ",
        "-p ",
        "--password=",
        "_PWD=",
        "password is ",
        "set to ",
    ),
    *("passcode", "secret", "api_key", " = ", "= ", " :", ", ", "&", "&x", "x=", ",", "$", "?", "letmein", "12345678"),
    *(": ", "<", ">", "</", "--", "curl ", " -u ", "pwd", "Api_Key", "client-secret", "\r", "#"),
    *("a1B2c3D4e5F6g7H8i9J0", "abcdefgh", "é", "İ", "ſ", "\u212a", "\ud800", "\v", "{", "}", "[redacted:card]", "0"),
    *(text.replace("{}", secret) for _, text, secret in SECRETS),
]
ANY_TEXT = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join) | st.text(max_size=60)
FIELDS = st.sampled_from(["password", "X-API-Key", "accessTokens", "token", "name", "value", "usage_tokens", "a"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS | ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(("name", "text", "secret"), SECRETS)
def test_a_secret_leaves_its_marker_and_nothing_of_itself(name: str, text: str, secret: str) -> None:
    redacted = SERVER.redact_text(text.replace("{}", secret))

    assert redacted == SDK.redact_text(text.replace("{}", secret))
    assert redacted.text == text.replace("{}", marker(name))
    assert [(taken.path, taken.name) for taken in redacted.taken] == [("$", name)]


@pytest.mark.parametrize("text", INNOCENT)
def test_text_that_only_resembles_a_secret_stays(text: str) -> None:
    assert SERVER.redact_text(text) == SDK.redact_text(text) == (text, ())


@pytest.mark.parametrize("value", INNOCENT_JSON)
def test_fields_that_are_only_named_like_secrets_stay(value: object) -> None:
    text = json.dumps(value)

    assert SERVER.redact_json(text) == SDK.redact_json(text) == (text, ())


@given(ANY_TEXT)
@example("of 2345 4111 1111 1111 1111, 17637570 4111 1111 1111 1111 and 64111111111111111 4111111111111111")
@example("\ud800 password='a\ud800bcdef' ://a:b\ud800c@")
def test_both_engines_find_the_same_secrets(text: str) -> None:
    assert LINEAR.find(text) == STANDARD.find(text)


@given(ANY_JSON, st.booleans())
@example({"arguments": '{"password": "hunter2"}'}, True)
@example([{"name": "authorization", "value": "x"}], False)
@example({"url": "http:\\/\\/a:b@c"}, True)
def test_the_quick_look_at_json_text_misses_nothing(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)

    server, sdk = SERVER.redact_json(text), SDK.redact_json(text)

    assert server == sdk
    if SERVER.redact_text(text).taken:
        assert LINEAR.may_hold(text)
        assert STANDARD.may_hold(text)


@pytest.mark.parametrize("secret", [r"\u0073k-ant-api03-abcdefghij0123456789", r"http:\/\/user:hunter2@host"])
def test_an_escape_hides_no_secret(secret: str) -> None:
    assert len(SERVER.redact_json(f'{{"a": "{secret}"}}').taken) == 1
    assert len(SDK.redact_json(f'{{"a": "{secret}"}}').taken) == 1


@pytest.mark.parametrize(("name", "text", "secret"), SECRETS)
def test_redacting_again_takes_nothing_more(name: str, text: str, secret: str) -> None:
    once = SDK.redact_json(json.dumps({"a": text.replace("{}", secret), "password": secret}))

    assert [taken.name for taken in once.taken] == [name, "password"]
    assert SERVER.redact_json(once.text) == (once.text, ())


@pytest.mark.parametrize("redactor", [SERVER, SDK], ids=["server", "sdk"])
@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            f'openai.api_key = "{LONG}"\nValueError: bad key {LONG}, {LONG}',
            'openai.api_key = "[redacted:assigned_secret]"\nValueError: bad key [redacted:assigned_secret], '
            "[redacted:assigned_secret]",
        ),
        (f"x{LONG}: 401\nAPI_KEY={LONG}", "x[redacted:assigned_secret]: 401\nAPI_KEY=[redacted:assigned_secret]"),
        (
            json.dumps({"error": f"bad key {LONG}", "a": [{"api_key": LONG}], "é": json.dumps({LONG: f"<{LONG}>"})}),
            '{"error":"bad key [redacted:api_key]","a":[{"api_key":"[redacted:api_key]"}],'
            '"\\u00e9":"{\\"[redacted:api_key]\\":\\"<[redacted:api_key]>\\"}"}',
        ),
        (
            json.dumps({"Authorization": f"Token {LONG}", "X-Key": f"Bearer {LONG}", "said": f"{LONG}?"}),
            '{"Authorization":"[redacted:authorization]","X-Key":"Bearer [redacted:bearer_token]",'
            '"said":"[redacted:bearer_token]?"}',
        ),
        (
            json.dumps({"Authorization": f"Bearer {LONG}", "said": f"{LONG}?"}),
            '{"Authorization":"[redacted:authorization]","said":"[redacted:bearer_token]?"}',
        ),
        (
            json.dumps({"password": 'say "open\n sesame"!', "said": '<say "open\n sesame"!>'}),
            '{"password":"[redacted:password]","said":"<[redacted:password]>"}',
        ),
        (
            json.dumps({"password": "'\"'\"'\"'\"'\"'\"'\"'\"", "said": ["'\"'\"'\"'\"'\"'\"'\"'\""]}),
            '{"password":"[redacted:password]","said":["[redacted:password]"]}',
        ),
        ("card=4111111111111111 x4111111111111111", "card=[redacted:card] x[redacted:card]"),
    ],
)
def test_a_long_value_that_was_taken_is_taken_wherever_the_text_repeats_it(
    redactor: Redactor, text: str, left: str
) -> None:
    assert redactor.redact_text(text).text == left
    assert redactor.redact_json(text).text == left


def test_a_repeated_secret_is_noted_at_each_place() -> None:
    first, again = SERVER.redact_json(json.dumps({"said": [f"bad key {LONG}"], "api_key": LONG})).taken

    assert (first.path, again.path) == ("$.api_key", "$.said[0]")
    assert (first.name, first.fingerprint) == (again.name, again.fingerprint)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('password = "hunter2hunter2!" hunter2hunter2!', 'password = "[redacted:assigned_secret]" hunter2hunter2!'),
        (
            '{"connection_string": "connection_string", "AWS_SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY"}',
            '{"connection_string":"[redacted:connection_string]","AWS_SECRET_ACCESS_KEY":"[redacted:secret]"}',
        ),
    ],
)
def test_a_short_value_and_one_that_is_its_fields_name_stay_elsewhere(text: str, left: str) -> None:
    assert SERVER.redact_json(text).text == SDK.redact_json(text).text == left


def test_bytes_that_repeat_a_value_lose_it_too() -> None:
    content = base64.b64encode(f"bad key {LONG}".encode()).decode()

    left = json.loads(SERVER.redact_json(json.dumps({"api_key": LONG, "body": {"$bytes": content}})).text)

    assert base64.b64decode(left["body"]["$bytes"]) == b"bad key [redacted:api_key]"


def test_of_very_many_values_the_first_are_looked_for_everywhere() -> None:
    values = [f"{number:016x}" for number in range(1, MAX_REPEATED + 2)]
    text = "\n".join([*(f'api_key = "{value}"' for value in values), *values])

    *_, last_of_them, beyond = SERVER.redact_text(text).text.splitlines()

    assert (last_of_them, beyond) == ("[redacted:assigned_secret]", values[-1])


def test_a_users_patterns_and_fields_are_taken_too() -> None:
    redactor = make_redactor(key=KEY, patterns={"customer": "CUST-(?P<value>[0-9]+)"}, fields=["Employee-ID"])

    redacted = redactor.redact_json('{"note": "CUST-123, é", "employeeId": 7, "n": 1}')

    assert redacted.text == '{"note":"CUST-[redacted:customer], é","employeeId":"[redacted:employee_id]","n":1}'
    assert [(taken.path, taken.name) for taken in redacted.taken] == [
        ("$.note", "customer"),
        ("$.employeeId", "employee_id"),
    ]


def test_a_name_in_two_pattern_files_applies_both_patterns() -> None:
    finder = make_finder({"order": "ORD-[0-9]+"}, {"order": "BEST-[0-9]+"})

    assert [(span.start, span.end, span.name) for span in finder.find("ORD-1 BEST-22")] == [
        (0, 5, "order"),
        (6, 13, "order"),
    ]
    assert finder.may_hold("{}")


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        ({"Bad Name": "x"}, "'Bad Name'.*a name that is not"),
        ({"long": "x" * (MAX_PATTERN + 1)}, "'long'.*1001 characters"),
        ({"open": "(x"}, "'open'.*what RE2 refuses: missing"),
        ({"ahead": "x(?=y)"}, "'ahead'.*what RE2 refuses"),
        ({"half": "\ud800"}, "'half'.*half a surrogate pair"),
        ({"empty": "x*"}, "'empty'.*matches an empty text"),
        ({f"n{number}": "x" for number in range(MAX_PATTERNS + 1)}, "found 101 patterns, over 100"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_named(patterns: Mapping[str, str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        make_redactor(key=KEY, patterns=patterns)


@pytest.mark.parametrize(
    "regex", [r"(?i)cust-\d+", r"\p{Greek}+", "(a+)+b", "[a-z]+@corp", "(?:a?){30}b", "[^é]{1000}b"]
)
def test_every_pattern_that_re2_accepts_ends_soon_in_any_text(regex: str) -> None:
    redactor = make_redactor(key=KEY, patterns={"mine": regex})

    assert redactor.redact_text("a" * 100_000).taken == ()


def test_values_of_env_that_look_like_secrets_are_masked_in_logs_and_words_are_not() -> None:
    entries = EntryRedactor(make_redactor(key=b"0" * 32, fields=["tax_number"]))
    secrets = {
        "DB_PASSWORD": "correct-horse",
        "OPENAI_API_KEY": "whatever",
        "TAX_NUMBER": "12345678",
        "DATABASE_URL": "postgres://app:tr0ub4dor@db/app",
        "OTHER": "hunter2hunter2",
        "MULTI_KEY": "line-one-secret\nline-two-secret",
        "STRIPE_KEY": "whatever",
        "DB_PASS": "correct-horse",
        "SLACK_WEBHOOK": "https://hooks.slack.example/services",
        "_TITAN_WORLD_TOKEN": made("titan_" + "run_", 43),
    }
    plain = {
        "MODE": "production",
        "MODEL": "claude-sonnet-4-20250514",
        "REGION": "us-east-1",
        "HOME_URL": "http://localhost:8080/v1",
        "DATA": "/tmp/abc123def456/data",
        "SINCE": "2026-11-25T10:00:00Z",
        "COUNT": "1234567890",
        "API_KEY": "short",
        "WORLD_TASK": '{"id": "a1b2c3d4e5f6"}',
    }

    assert entries.secret_names(secrets | plain) == [*secrets]
