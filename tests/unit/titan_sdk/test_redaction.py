"""What is taken from a record, what is left of it, and what is told about it."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from titan_sdk.redaction import MAX_DEPTH, Redactor, Taken, marker
from titan_sdk.redaction.finding import StandardFinder
from titan_sdk.redaction.patterns import FieldRule, field_rule, spelt_plainly

KEY = b"0123456789abcdef0123456789abcdef"
REDACTOR = Redactor(StandardFinder(), key=KEY)
AWS_KEY = "AKIAIOSFODNN7EXAMPLE"


def redact(value: object, redactor: Redactor = REDACTOR) -> tuple[Any, tuple[Taken, ...]]:
    """Return what is left of a value that is written as JSON, and what was taken from it."""
    redacted = redactor.redact_json(json.dumps(value))
    return json.loads(redacted.text), redacted.taken


def places(taken: tuple[Taken, ...]) -> list[tuple[str, str]]:
    """Return where something was taken and by which rule."""
    return [(each.path, each.name) for each in taken]


def test_fields_lose_their_whole_value_and_texts_only_the_secret() -> None:
    value = {
        "headers": {"X-API-Key": "k", "Set-Cookie": ["a=1", "b=2"], "accept": "*/*"},
        "messages": [{"content": f"my key is {AWS_KEY}."}, {"content": "hello"}],
        "password": 1234,
        "card_number": 4111111111111111,
        "odd key": {"passphrase": "x"},
    }

    left, taken = redact(value)

    assert left == {
        "headers": {"X-API-Key": marker("api_key"), "Set-Cookie": marker("cookie"), "accept": "*/*"},
        "messages": [{"content": f"my key is {marker('aws_key_id')}."}, {"content": "hello"}],
        "password": marker("password"),
        "card_number": marker("card"),
        "odd key": {"passphrase": marker("password")},
    }
    assert places(taken) == [
        ('$.headers["X-API-Key"]', "api_key"),
        ('$.headers["Set-Cookie"]', "cookie"),
        ("$.messages[0].content", "aws_key_id"),
        ("$.password", "password"),
        ("$.card_number", "card"),
        ('$["odd key"].passphrase', "password"),
    ]


def test_json_within_a_text_is_looked_into() -> None:
    text = json.dumps({"arguments": json.dumps({"password": "hunter2", "n": 1.50}), "more": f'  ["{AWS_KEY}"]\n'})

    redacted = REDACTOR.redact_json(text)

    assert json.loads(redacted.text) == {
        "arguments": '{"password":"[redacted:password]","n":1.5}',
        "more": '["[redacted:aws_key_id]"]',
    }
    assert places(redacted.taken) == [("$.arguments.$.password", "password"), ("$.more.$[0]", "aws_key_id")]


def test_a_text_that_is_no_json_is_searched_as_it_is() -> None:
    assert REDACTOR.redact_json(f"{{not json {AWS_KEY}}}").text == "{not json [redacted:aws_key_id]}"
    assert REDACTOR.redact_json("").text == ""


@pytest.mark.parametrize("place", ["name", "key"])
def test_a_header_as_a_pair_loses_its_value(place: str) -> None:
    left, _ = redact([{place: "Authorization", "value": "opaque"}, {place: 5, "value": "x"}])

    assert left == [{place: "Authorization", "value": marker("authorization")}, {place: 5, "value": "x"}]


def test_a_secret_that_is_a_key_is_redacted_too_and_leaves_both_entries() -> None:
    value = {AWS_KEY: 1, "AKIAIOSFODNN7EXAMPLF": {"password": "x"}}

    left, taken = redact(value)

    assert left == {marker("aws_key_id"): 1, f"{marker('aws_key_id')} 2": {"password": marker("password")}}
    assert AWS_KEY not in str(taken)


def test_a_value_that_a_later_equal_key_hides_is_gone() -> None:
    assert REDACTOR.redact_json(f'{{"a": "{AWS_KEY}", "a": 1}}') == ('{"a":1}', ())


def test_equal_values_have_equal_fingerprints_and_only_under_one_key() -> None:
    expected = hmac.new(KEY, b"thunter2", hashlib.sha256).hexdigest()[:32]
    other = Redactor(StandardFinder(), key=KEY[::-1])

    _, [by_field] = redact({"password": "hunter2"})
    [by_pattern] = REDACTOR.redact_text("redis://:hunter2@cache").taken

    assert by_field.fingerprint == by_pattern.fingerprint == expected
    assert REDACTOR.fingerprint({"a": 1, "b": 2}) == REDACTOR.fingerprint({"b": 2, "a": 1})
    assert REDACTOR.fingerprint("5") != REDACTOR.fingerprint(5)
    assert other.fingerprint("hunter2") != expected


def test_a_key_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes or more for fingerprints; found 3"):
        Redactor(StandardFinder(), key=b"key")


def test_overlapping_secrets_are_redacted_as_one() -> None:
    redacted = REDACTOR.redact_text(f'password="{AWS_KEY}-and-more"')

    assert redacted.text == 'password="[redacted:assigned_secret]"'


def test_values_too_deep_to_be_searched_are_redacted() -> None:
    value: object = AWS_KEY
    for _ in range(MAX_DEPTH + 5):
        value = [value]

    left, taken = redact(value)

    assert AWS_KEY not in str(left)
    assert places(taken) == [("$" + "[0]" * (MAX_DEPTH - 1), "too_deep")]


def test_json_too_deep_to_be_read_is_searched_as_text() -> None:
    text = "[" * 100_000 + f'"{AWS_KEY}"' + "]" * 100_000

    assert REDACTOR.redact_json(text).text == text.replace(AWS_KEY, marker("aws_key_id"))


def test_half_a_surrogate_pair_is_kept_in_json_that_utf8_can_say() -> None:
    redacted = REDACTOR.redact_json('{"é": "\\ud800", "password": "x"}')

    assert json.loads(redacted.text.encode()) == {"é": "\ud800", "password": marker("password")}


def test_letters_that_grow_in_lower_case_do_not_shift_a_secret() -> None:
    assert REDACTOR.redact_text(f"İİİ {AWS_KEY}").text == "İİİ [redacted:aws_key_id]"


def test_names_of_further_fields_may_be_spelt_in_any_way() -> None:
    redactor = Redactor(StandardFinder(), key=KEY, fields=["employee-id", "№"])

    redacted = redactor.redact_json('{"EmployeeID": 1, "employeeId": 2, "employee id": 3, "№": 4}')

    assert json.loads(redacted.text) == {
        "EmployeeID": marker("employee_id"),
        "employeeId": marker("employee_id"),
        "employee id": marker("employee_id"),
        "№": marker("field"),
    }


@pytest.mark.parametrize(
    ("field", "name"),
    [
        *((field, "password") for field in ("password", "userPassword", "DB_PASSWD", "db-password-hash", "my_pwd")),
        *((field, "secret") for field in ("secret", "clientSecret", "aws_secret_access_key", "secret_key", "secrets")),
        *((field, "api_key") for field in ("api_key", "apiKey", "X-API-Key", "OPENAI_API_KEY2", "ssh.private_key")),
        *((field, "token") for field in ("token", "accessToken", "HF_TOKEN", "refresh_tokens", "x-auth-token")),
        ("http.request.header.authorization", "authorization"),
        ("connectionString", "connection_string"),
    ],
)
def test_a_secret_field_name_is_recognised_in_any_spelling(field: str, name: str) -> None:
    rule = field_rule(field)

    assert rule is not None
    assert rule.name == name


@pytest.mark.parametrize(
    "field",
    [
        *(
            "prompt_tokens",
            "total_tokens",
            "max_tokens",
            "maxTokens",
            "tokens",
            "token_count",
            "tokenizer",
            "eos_token",
        ),
        *("next_page_token", "pageToken", "PWD", "OLDPWD", "primary_key", "keyboard", "public_key", "key", "pass"),
        *("password_policy", "secretary", "author", "cookie_count", "x" * 201 + "password", "pаssword"),
    ],
)
def test_an_ordinary_field_name_has_no_rule(field: str) -> None:
    assert field_rule(field) is None


def test_a_fields_rule_can_be_looked_at() -> None:
    assert isinstance(field_rule("token"), FieldRule)
    assert spelt_plainly("X-API-Key2") == "x_api_key"


@pytest.mark.parametrize("number", ["4242424242424242", "4242424242424242.0", "378282246310005"])
def test_a_card_that_is_a_number_is_redacted_and_equals_the_same_card_as_a_text(number: str) -> None:
    redacted = REDACTOR.redact_json(f'{{"n": {number}, "all": ["{number.removesuffix(".0")}", {number}]}}')

    assert json.loads(redacted.text) == {"n": marker("card"), "all": [marker("card"), marker("card")]}
    assert len({taken.fingerprint for taken in redacted.taken}) == 1


@pytest.mark.parametrize(
    ("pair", "name"),
    [
        (["Cookie", "sessionid=abcdef1234567890"], "cookie"),
        (["authorization", "Custom abc 123"], "authorization"),
        (["X-Api-Key", "0a1b2c3d4e"], "api_key"),
        (["password", "correct2horse"], "password"),
        ([{"$bytes": "Y29va2ll"}, {"$bytes": "c2Vzc2lvbmlkPWFiY2RlZg=="}], "cookie"),  # as ASGI gives headers
    ],
)
@pytest.mark.parametrize("within", ['{{"headers": [["Accept", "*/*"], {}]}}', '{{"$tuple": {}}}', "{}"])
def test_a_pair_of_a_secret_name_and_a_value_loses_the_value(pair: list[object], name: str, within: str) -> None:
    redacted = REDACTOR.redact_json(within.format(json.dumps(pair)))

    assert json.loads(redacted.text) == json.loads(within.format(json.dumps([pair[0], marker(name)])))
    assert [taken.name for taken in redacted.taken] == [name]


def test_a_pair_whose_value_is_gone_already_stays() -> None:
    text = json.dumps(["Cookie", marker("cookie")])

    assert REDACTOR.redact_json(text) == (text, ())


def test_a_secret_among_bytes_that_are_no_text_is_redacted_and_the_other_bytes_stay() -> None:
    def written(content: bytes) -> str:
        return json.dumps({"$bytes": b64encode(content).decode()}, separators=(",", ":"))

    redacted = REDACTOR.redact_json(written(b"\x89PNG\xff\x00key " + AWS_KEY.encode() + b"\x00\xfe"))

    assert redacted.text == written(b"\x89PNG\xff\x00key [redacted:aws_key_id]\x00\xfe")
    assert places(redacted.taken) == [("$", "aws_key_id")]


@pytest.mark.parametrize("tag", ["$bytes", "$bytearray"])
def test_a_text_in_bytes_is_looked_into_and_other_bytes_stay(tag: str) -> None:
    def written(content: bytes) -> dict[str, str]:
        return {tag: b64encode(content).decode()}

    value = [written(f"key {AWS_KEY}".encode()), written(b'{"password":"x1y2z3w4"}'), written(b"\xff\xfe" + b"plain")]

    redacted = REDACTOR.redact_json(json.dumps(value))

    assert json.loads(redacted.text) == [
        written(b"key [redacted:aws_key_id]"),
        written(b'{"password":"[redacted:password]"}'),
        value[2],
    ]
    assert places(redacted.taken) == [("$[0]", "aws_key_id"), ("$[1].$.password", "password")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_secret_in_utf_16_is_redacted_and_the_other_bytes_stay(encoding: str) -> None:
    text = '{"é": "keep", "password": "%s"}'
    content = b"\xff\xd8" + (text % "hunter2").encode(encoding) + b"\0\0\0\x07"

    left, _ = redact({"$bytes": b64encode(content).decode()})

    clean = b64decode(left["$bytes"])
    assert "[redacted:".encode("utf-16-le")[:-1] in clean
    assert "hunter2".encode("utf-16-le")[:-1] not in clean
    assert (clean[:2], clean[-4:]) == (content[:2], content[-4:])
    assert "keep".encode("utf-16-le")[:-1] in clean


def test_bytes_with_nuls_and_without_secrets_stay() -> None:
    value = {"$bytes": b64encode("a plain text, token by token".encode("utf-16") + bytes(range(256)) * 4).decode()}

    assert redact(value) == (value, ())


@pytest.mark.parametrize(
    ("words", "place", "left"),
    [
        (["mysql", "-u", "root", "-phunter2", "shop"], 3, "-p[redacted:assigned_secret]"),
        (["docker", "login", "-u", "ann", "-p", "hunter2"], 5, "[redacted:assigned_secret]"),
        (["psql", "--password", "hunter2", "-h", "db"], 2, "[redacted:assigned_secret]"),
        (["curl", "-u", "ann:hunter2", "https://example.com"], 2, "ann:[redacted:assigned_secret]"),
    ],
)
def test_a_command_as_a_list_of_words_loses_its_password(words: list[str], place: int, left: str) -> None:
    redacted = REDACTOR.redact_json(json.dumps({"args": [words]}))

    assert json.loads(redacted.text)["args"][0] == [*words[:place], left, *words[place + 1 :]]
    assert [one.path for one in redacted.taken] == [f"$.args[0][{place}]"]
    assert REDACTOR.redact_json(redacted.text).taken == ()


@pytest.mark.parametrize(
    "words",
    [
        ["docker", "run", "-p", "80:80"],
        ["ssh", "-p", "2222", "host1"],
        ["mysql", "-p"],
        ["-", "b2"],
        ["password", "-1"],
    ],
)
def test_a_command_without_a_password_stays(words: list[str]) -> None:
    assert redact(words) == (words, ())


def test_an_object_that_only_resembles_bytes_is_an_ordinary_object() -> None:
    value = {"a": {"$bytes": 1}, "b": {"$bytes": "no base64!"}, "c": {"$bytes": f"{AWS_KEY}!"}}

    left, _ = redact(value)

    assert left == {**value, "c": {"$bytes": "[redacted:aws_key_id]!"}}


def test_of_a_redactor_with_fields_of_its_own_any_text_may_hold_something() -> None:
    assert Redactor(StandardFinder(), key=KEY, fields=["iban"]).may_take("{}")
    assert not REDACTOR.may_take("{}", "[1]")
