"""The quick look at undecoded JSON, of server and SDK, never says "nothing" where the full walk takes something."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.secrets import SECRETS
from titan_sdk.redaction import Redactor
from titan_sdk.redaction.finding import LinearFinder, StandardFinder

LINEAR, STANDARD = LinearFinder(), StandardFinder()
SERVER = Redactor(LINEAR, key=b"0123456789abcdef")

#: What JSON writes as an escape, and what stands plainly, also the beginnings of escapes that stood in the text itself.
BESIDE = [
    *("", " ", "x", ":", "=", ">", "<", "@", ".", ",", "é", "号", "–", "\u00a0", "\u2028", "\u4000", "\u0130", "💳"),
    *("\t", "\n", "\r\n", "\b", "\f", "\x00", "\x10", "\x1f", "\x7f", "\ud83d", '"', "'", "\\", "/", "\\n", "\\u53f7"),
]
#: Numbers that are a card's, as programs write those that were read as binary fractions.
CARDS = [
    *(
        "4111111111111111",
        "4111111111111111.0",
        "4.111111111111111E15",
        "4.111111111111111e+15",
        "4.111111111111111e015",
    ),
    *("411.1111111111111e13", "0.4111111111111111e16", "42E14", "4.2e15", "42000000000000000e-1"),
]
PLACES = ['{"a":{}}', '{"a":\n{}\n}', '{"a": {} ,"b":1}', "[1,{}]", "[\t{}\t]"]
ESCAPED_ALL = [(True,) * depth for depth in (1, 2, 3)]


def nested(text: str, escaped: Sequence[bool]) -> str:
    """Return a text within JSON within JSON, as deep as told, with characters beyond ASCII escaped or plain."""
    for ascii_only in escaped:
        text = json.dumps({"k": text}, ensure_ascii=ascii_only)
    return text


def said_nothing(text: str) -> list[str]:
    """Return the engines whose quick look says that a text holds nothing, though the full walk takes something."""
    silent = [type(engine).__name__ for engine in (LINEAR, STANDARD) if not engine.may_hold(text)]
    return silent if silent and SERVER.redact_text(text).taken else []


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_every_secret_behind_every_escape_is_seen(depth: int) -> None:
    texts = [
        nested(before + text.replace("{}", secret) + after, (True,) * depth)
        for _, text, secret in SECRETS
        for before, after in [(before, "") for before in BESIDE] + [("", after) for after in BESIDE]
    ]

    assert [text for text in texts if said_nothing(text)] == []


@given(
    st.sampled_from(SECRETS),
    st.sampled_from(BESIDE) | st.characters(),
    st.sampled_from(BESIDE) | st.characters(),
    st.floats(0, 1),
    st.lists(st.booleans(), min_size=1, max_size=3),
)
@example(("card", "{}", "4111111111111111"), "号", "", 0.0, [True])
@example(("url_password", "https://bob:pass@x/", ""), "ä", "", 0.6, [True])
@example(("basic_auth", "Basic dXNlcjpwYXNzd29yZDE=", ""), "\t", "", 0.2, [True, True])
@example(("openai_key", "xsk-aB1_{}", "T3BlbkFJ" + 20 * "a1"), "K", "", 0.0, [True])
def test_a_secret_with_anything_in_its_midst_is_seen(
    secret: tuple[str, str, str], within: str, after: str, place: float, escaped: list[bool]
) -> None:
    _, around, value = secret
    text = around.replace("{}", value) + after
    at = int(place * len(text))

    for broken in (text[:at] + within + text[at:], text[:at] + within + text[at + 1 :]):
        assert said_nothing(nested(broken, escaped)) == []


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("place", PLACES)
def test_a_number_that_is_a_cards_is_seen_however_it_is_written(card: str, place: str) -> None:
    texts = [place.replace("{}", card)] + [nested(place.replace("{}", card), escaped) for escaped in ESCAPED_ALL]

    assert [text for text in texts if not SERVER.redact_text(text).taken] == []
    assert [text for text in texts if said_nothing(text)] == []


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("blank", ["", "\n"])
def test_a_card_that_is_all_there_is_leaves_a_text_in_json(card: str, blank: str) -> None:
    for engine in (LINEAR, STANDARD):
        redactor = Redactor(engine, key=b"0123456789abcdef")

        clean = redactor.redact_json(card + blank)

        assert clean.text == '"[redacted:card]"'
        assert [(taken.path, taken.name) for taken in clean.taken] == [("$", "card")]


def test_a_number_that_a_pattern_of_a_users_own_takes_leaves_a_text_in_json() -> None:
    redactor = Redactor(LinearFinder({"customer": "[0-9]{8}"}), key=b"0123456789abcdef")

    assert redactor.redact_json("12345678.5").text == '"[redacted:customer].5"'


@pytest.mark.parametrize("text", ["4111111111111112.0", "1e999", "41111111111111110", "7" * 5000, "0", "4.1e3"])
def test_a_number_that_is_no_card_stays(text: str) -> None:
    assert SERVER.redact_json(text) == (text, ())


@pytest.mark.parametrize("escape", ["\\u0009", "\\u00E9", "\\u53F7", "\\u000A"])
@pytest.mark.parametrize("text", ["4111111111111111", "Bearer\\u0009a1b2c3d4e5f6g7h8", "password:\\u0009Tr0ub4dor3"])
def test_escapes_that_other_languages_write_hide_nothing(escape: str, text: str) -> None:
    written = f'{{"k":"{escape}{text}"}}'

    assert SERVER.redact_text(written).taken
    assert said_nothing(written) == []


@pytest.mark.parametrize(
    "value",
    [
        {"started_at": "2026-03-01T12:00:00Z", "ratio": 0.41, "tiny": 3.1e-7, "max_tokens": 4096},
        {"id": "job-4f5e4111-3e5f", "said": "1.5e3 of 10, 2e1f 42", "input_tokens": 7},
        "号码 2024-05-01 的回答: 卡号 4e2d, 12号 53f7",
    ],
)
def test_common_texts_need_no_full_walk(value: object) -> None:
    text = json.dumps({"a": json.dumps(value)})

    assert [type(engine).__name__ for engine in (LINEAR, STANDARD) if engine.may_hold(text)] == []
