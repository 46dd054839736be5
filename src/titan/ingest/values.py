"""Convert values that clients send: JSON to the typed encoding of `titan_sdk.tape`, times, token counts, costs.

JSON texts are checked and split into messages without being decoded. Only texts that could be mistaken for a tag of
the tape, or are nested deeply, are decoded and encoded again.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import isfinite
from typing import Any, Final, TypeAlias

import msgspec

from titan.model.actions import MOST_TOKENS, MOST_USD, SHARED_MARK, Entry, Payload
from titan.model.errors import InvalidInput
from titan_sdk import tape

#: As OTLP's AnyValue and JSON have them.
Value: TypeAlias = str | bool | int | float | bytes | list[Any] | dict[str, Any] | None

JSON_STARTS: Final = ("{", "[", '"')
MOST_LEVELS: Final = 100  # kept of a value that Python cannot read whole (about 900); redaction looks 200 deep
_MOST_BRACKETS: Final = 400  # the tape writes up to 500 levels; a text with fewer brackets is never deeper
_DIGITS: Final = re.compile("[0-9]{4301}")  # of an integer that Python does not read, or of a text
_SHORT: Final = 100  # characters of a name that is cached
_EXACT: Final = 2**53  # the tape writes larger integers as strings
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)
_ENCODE: Final = msgspec.json.Encoder().encode


def read_json(body: bytes, *, what: str, levels: int = MOST_LEVELS) -> Any:
    """Return the value of a JSON body, which may hold NaN and Infinity as Python's `json` writes them.

    Values below `levels` are returned as texts where Python cannot read the whole: a client would resend a refused body
    for ever.

    Raises:
        InvalidInput: it is no JSON in UTF-8.
    """
    try:
        text = body.decode()
        try:
            return json.loads(text)
        except RecursionError:
            return json.loads(shallow(text, levels=levels))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise InvalidInput(
            what,
            expected="JSON in UTF-8",
            found=str(error) or type(error).__name__,
            next_step="Correct it and send it again; nothing was stored.",
        ) from error


def text_of(value: Value) -> str:
    """Return any value as JSON in the tape's encoding; a text becomes a JSON string, whatever it holds."""
    try:
        if type(value) in _SIMPLE or _is_simple(value):
            return _ENCODE(value).decode()
    except (UnicodeEncodeError, RecursionError):  # a lone surrogate; lists in lists beyond what Python walks
        pass
    return tape.encoded_text(value)


def object_text(values: dict[str, Value]) -> str:
    """Return a JSON object; fast where all values are simple."""
    try:
        if all(type(value) in _SIMPLE or _is_simple(value) for value in values.values()):
            text = _ENCODE(values).decode()
            return text if '"$' not in text else text_of(values)
    except (UnicodeEncodeError, RecursionError):  # as above
        pass
    return text_of(values)


def joined_text(members: dict[str, str]) -> str:
    """Return a JSON object of members that are JSON texts."""
    if len(members) == 1 and (name := next(iter(members))).startswith("$"):  # as the tape writes it, to be no tag
        return f'{{"$dict":[[{_key(name)},{members[name]}]]}}'
    inner = ",".join([f"{_key(key)}:{text}" for key, text in members.items()])
    return f"{{{inner}}}"


def json_or_text(value: Value) -> str:
    """Return a text that holds a JSON object, list or string as that JSON, any other value by `text_of`."""
    if type(value) is str and value.lstrip()[:1] in JSON_STARTS and value:
        try:
            return safe(str(_ANY.decode(value), "utf-8"))
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return _lenient(value)
    return text_of(value)


def pieces_of(value: Value) -> tuple[str, ...] | None:
    """Return the JSON texts of the items of a list, or of a text that holds one; None for other values."""
    if type(value) is list:
        return tuple(map(text_of, value))
    if type(value) is not str or not value.lstrip().startswith("["):
        return None
    try:
        texts = [str(raw, "utf-8") for raw in _LIST.decode(value)]
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return tuple(texts) if _is_safe(value) else tuple(map(safe, texts))


def members_of(value: Value) -> dict[str, str] | None:
    """Return the JSON texts of the members of an object, or of a text that holds one; None for other values."""
    if type(value) is dict:
        return {key: text_of(member) for key, member in value.items()}
    raws = opened(value) if type(value) is str else None
    return None if raws is None else {key: safe(raw) for key, raw in raws.items()}


def opened(text: str) -> dict[str, str] | None:
    """Return the JSON texts of an object's members unchanged, so `safe` only if the text is; None for other texts."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return {key: str(raw, "utf-8") for key, raw in _OBJECT.decode(text).items()}
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def request_of(value: Value) -> tuple[tuple[str, ...], dict[str, str]] | None:
    """Return the messages of an object's member `messages`, and all members with SHARED_MARK in place of the messages.

    Of a list of messages, return them and no members; None where there are no messages.
    """
    if (messages := messages_of(value)) is not None:
        return messages, {}
    inner: dict[str, Any] | None = value if type(value) is dict else opened(value) if type(value) is str else None
    if inner is None or (messages := messages_of(inner.get("messages"))) is None:
        return None
    write = text_of if type(value) is dict else safe
    return messages, {key: SHARED_MARK if key == "messages" else write(member) for key, member in inner.items()}


def payload_of(value: Value) -> Payload:
    """Return a payload of any value; the messages of a conversation in it stand apart.

    Those are a list of objects with a role, alone, as the member `messages` of an object, or as the keyword argument
    `messages` of a recorded function: `{"args": […], "kwargs": {"messages": […]}}`.
    """
    if type(value) in (list, dict) or (type(value) is str and '"content"' in value):
        if (request := request_of(value)) is not None:
            return Payload(joined_text(request[1]) if request[1] else SHARED_MARK, request[0])
        members = members_of(value) if isinstance(value, str | dict) and "kwargs" in value else None
        if members is not None and (request := request_of(members.get("kwargs"))) is not None and request[1]:
            return Payload(joined_text(members | {"kwargs": joined_text(request[1])}), request[0])
    return Payload(json_or_text(value))


def conversation(messages: Sequence[str], members: dict[str, str] | None = None) -> Payload:
    """Return a payload of an object with messages, which the run stores once each, and other members."""
    if members and "messages" in members:  # repeated among a call's parameters
        members = {key: text for key, text in members.items() if key != "messages"}
    return Payload(joined_text({"messages": SHARED_MARK} | (members or {})), tuple(messages))


def messages_of(value: Value) -> tuple[str, ...] | None:
    """Return the JSON texts of a list of messages, objects with a content and a role or type; None for other values."""
    pieces = pieces_of(value)
    return pieces if pieces and all(map(is_message, pieces)) else None


def is_message(piece: str) -> bool:
    """Return whether a JSON text looks like a message of a conversation."""
    return piece.startswith("{") and '"content"' in piece and ('"role"' in piece or '"type"' in piece)


def parsed(text: str) -> Value:
    """Return the value of a JSON text; the text itself where it is no JSON."""
    try:
        value: Value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


def safe(text: str) -> str:
    """Return JSON from a client such that nothing in it is taken for a tag of the tape, or nested too deeply."""
    return text if _is_safe(text) else _lenient(text)


def _key(name: str) -> str:
    return _short_key(name) if len(name) <= _SHORT else text_of(name)


@lru_cache(maxsize=1024)
def _short_key(name: str) -> str:
    return text_of(name)


def _is_safe(text: str) -> bool:
    return (
        '"$' not in text
        and '"\\u0024' not in text
        and text.count("{") + text.count("[") <= _MOST_BRACKETS
        and _DIGITS.search(text) is None
    )  # a key's first character may be an escape


def _written(text: str) -> str:
    return tape.encoded_text(json.loads(text))


def _lenient(text: str) -> str:
    """Return JSON with NaN or lone surrogates, which only Python reads, as JSON; what it cannot read as a string."""
    try:
        return _written(text)
    except (ValueError, RecursionError):
        return text_of(text)


_SIMPLE: Final = frozenset({str, bool, type(None)})


def _is_simple(value: Value) -> bool:
    if type(value) is int:
        return -_EXACT < value < _EXACT
    if type(value) is float:
        return isfinite(value)
    return type(value) is list and all(type(item) in _SIMPLE or _is_simple(item) for item in value)


# --- JSON nested deeper than Python reads ---

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def check_integers(text: str) -> None:
    """Check that JSON has no integer that Python refuses to read: one of more than 4,300 digits.

    Raises:
        ValueError: it has.
    """
    if _DIGITS.search(text) is not None:
        json.loads(shallow(text))


def check_levels(text: str) -> None:
    """Check that a text that should be JSON is nested at most MOST_LEVELS deep, before a parser sees it.

    Raises:
        ValueError: it is deeper, with the line.
    """
    if text.count("{") + text.count("[") <= MOST_LEVELS:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += 1 if token[0] in ("[", "{") else -1 if token[0] in ("]", "}") else 0
        if depth > MOST_LEVELS:
            line = text.count("\n", 0, token.start()) + 1
            raise ValueError(f"more than {MOST_LEVELS} levels at line {line}; expected at most {MOST_LEVELS}")


def shallow(text: str, *, levels: int = MOST_LEVELS) -> str:
    """Return JSON in which values below the given level are texts that hold them: at 2 `[[[]]]` is `[["[]"]]`."""
    pieces: list[str] = []
    depth = end = start = 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == levels + 1:
                start = token.start()
        elif token[0] in ("]", "}"):
            if depth == levels + 1:
                pieces += [text[end:start], json.dumps(text[start : token.end()])]
                end = token.end()
            depth -= 1
    return "".join([*pieces, text[end:]])


# --- times ---

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def time_of(nanoseconds: int) -> datetime:
    """Return the time of nanoseconds since 1970, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def in_utc(moment: datetime, *, what: str) -> datetime:
    """Return a time in UTC; a time without a zone is taken as UTC.

    Raises:
        InvalidInput: in UTC its year is not from 1 to 9999.
    """
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput(
            what,
            expected="a time that in UTC is in the years 1 to 9999",
            found=moment.isoformat(),
            next_step="Correct it and send it again.",
        ) from error


def check_order(started_at: datetime, ended_at: datetime, *, what: str, began: str, next_step: str) -> None:
    """Check that an end is not before its start, a field named `began`.

    Raises:
        InvalidInput: it is.
    """
    if ended_at < started_at:
        raise InvalidInput(
            what,
            expected=f"a time not before {began}, {started_at.isoformat()}",
            found=ended_at.isoformat(),
            next_step=next_step,
        )


# --- costs and counts ---

PICODOLLAR: Final = Decimal("1e-12")


def checked_cost(cost: Decimal | None, *, what: str) -> Decimal | None:
    """Return a cost rounded to the picodollar.

    Raises:
        InvalidInput: it is negative, no number, or over MOST_USD.
    """
    if cost is None:
        return None
    if not cost.is_finite() or not 0 <= cost <= MOST_USD:
        raise InvalidInput(
            what,
            expected=f"a cost from 0 to {MOST_USD:,} US dollars",
            found=str(cost)[:40],
            next_step="Correct it and send it again.",
        )
    return _rounded(cost)


def dollars_of(value: object) -> Decimal | None:
    """Return an amount in US dollars, of a float by its shortest decimal form; None for what is no valid cost."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return _rounded(amount) if amount.is_finite() and 0 <= amount <= MOST_USD else None


def total_of(parts: Iterable[Decimal]) -> Decimal | None:
    """Return the sum of parts of a cost; None where it is over MOST_USD."""
    total = sum(parts, Decimal(0))
    return total if total <= MOST_USD else None


def _rounded(cost: Decimal) -> Decimal:
    rounded = cost.quantize(PICODOLLAR)
    return cost if rounded == cost else rounded


def count_of(value: object) -> int | None:
    """Return a count of tokens; None for what is no count, or over MOST_TOKENS."""
    if type(value) is int:
        return value if 0 <= value <= MOST_TOKENS else None
    if type(value) is float:
        return int(value) if 0 <= value <= MOST_TOKENS and value.is_integer() else None
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 16:
        return count_of(int(value))
    return None


# --- requests ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The entries of a request, and what was rejected: OTLP's partial success.

    Entries of runs come before those of their actions, so that actions get the run's agent at once.
    """

    entries: Sequence[Entry]
    accepted: int  #: spans, log records or metrics, including those that are dropped by design
    rejected: int = 0
    problem: str = ""  #: why the first was rejected
