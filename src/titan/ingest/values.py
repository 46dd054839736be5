"""What foreign clients send, as ours: JSON in the typed encoding of `titan_sdk.tape`, times, counts, costs; a `Batch`.

Most of what arrives is JSON already, and stays the text it is: it is checked, cut into messages, and never built.
Only what could pass for one of the tape's tags, or is nested deeply, is read and written anew.
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

from titan.model.actions import MOST_TOKENS, SHARED_MARK, Entry, Payload
from titan.model.errors import InvalidInput
from titan_sdk import tape

#: As OTLP's AnyValue and JSON have them.
Value: TypeAlias = str | bool | int | float | bytes | list[Any] | dict[str, Any] | None

JSON_STARTS: Final = ("{", "[", '"')
_MOST_BRACKETS: Final = 400  # the tape itself writes up to 500 levels; with fewer brackets no text is deeper
_SHORT: Final = 100  # characters of a name that is remembered
_EXACT: Final = 2**53  # beyond it the tape writes whole numbers as texts
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)
_ENCODE: Final = msgspec.json.Encoder().encode


def read_json(body: bytes, *, what: str) -> Any:
    """Return the value of a body that may hold NaN and Infinity, which Python's `json` writes and most readers refuse.

    What is nested deeper than Python reads comes as the text that it is: a client would send it again for ever.

    Raises:
        InvalidInput: it is no JSON in UTF-8.
    """
    try:
        text = body.decode()
        try:
            return json.loads(text)
        except RecursionError:
            return json.loads(shallow(text))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise InvalidInput(
            what,
            expected="JSON in UTF-8",
            found=str(error) or type(error).__name__,
            next_step="Correct it and send it again; nothing was stored.",
        ) from error


def text_of(value: Value) -> str:
    """Return any value as JSON in the tape's encoding; a text is a JSON string, whatever it holds."""
    try:
        if type(value) in _SIMPLE or _is_simple(value):
            return _ENCODE(value).decode()
    except (UnicodeEncodeError, RecursionError):  # a lone surrogate; lists in lists beyond what Python walks
        pass
    return tape.encoded_text(value)


def object_text(values: dict[str, Value]) -> str:
    """Return a JSON object of simple values; quick where all of them are."""
    try:
        if all(type(value) in _SIMPLE or _is_simple(value) for value in values.values()):
            text = _ENCODE(values).decode()
            return text if '"$' not in text else text_of(values)
    except (UnicodeEncodeError, RecursionError):  # as above
        pass
    return text_of(values)


def joined_text(members: dict[str, str]) -> str:
    """Return a JSON object of members that are JSON texts."""
    if len(members) == 1 and (name := next(iter(members))).startswith("$"):  # as the tape writes it: no tag of its own
        return f'{{"$dict":[[{_key(name)},{members[name]}]]}}'
    inner = ",".join([f"{_key(key)}:{text}" for key, text in members.items()])
    return f"{{{inner}}}"


def json_or_text(value: Value) -> str:
    """Return a text that holds a JSON object, list or string as what it says, any other value by `text_of`."""
    if type(value) is str and value.lstrip()[:1] in JSON_STARTS and value:
        try:
            return safe(str(_ANY.decode(value), "utf-8"))
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return _lenient(value)
    return text_of(value)


def pieces_of(value: Value) -> tuple[str, ...] | None:
    """Return the JSON texts of a list's items; None where it is no list, and no text that holds one."""
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
    """Return the JSON texts of an object's members; None where it is no object, and no text that holds one."""
    if type(value) is dict:
        return {key: text_of(member) for key, member in value.items()}
    raws = opened(value) if type(value) is str else None
    return None if raws is None else {key: safe(raw) for key, raw in raws.items()}


def opened(text: str) -> dict[str, str] | None:
    """Return the JSON texts of an object's members as they stand: of a text that is safe, or to be made so."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return {key: str(raw, "utf-8") for key, raw in _OBJECT.decode(text).items()}
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def request_of(value: Value) -> tuple[tuple[str, ...], dict[str, str]] | None:
    """Return the messages in a list of them, or in the member `messages` of an object, and the other members.

    None where there are none.
    """
    if (messages := messages_of(value)) is not None:
        return messages, {}
    inner: dict[str, Any] | None = value if type(value) is dict else opened(value) if type(value) is str else None
    if inner is None or (messages := messages_of(inner.get("messages"))) is None:
        return None
    others = {key: member for key, member in inner.items() if key != "messages"}
    write = text_of if type(value) is dict else safe
    return messages, {key: write(member) for key, member in others.items()}


def payload_of(value: Value) -> Payload:
    """Return a payload of anything; the messages of a conversation in it stand apart.

    Those are the items of a list of objects with a role, alone or as the member `messages` of an object.
    """
    if type(value) in (list, dict) or (type(value) is str and '"content"' in value):
        if (pieces := messages_of(value)) is not None:
            return Payload(SHARED_MARK, pieces)
        if (request := request_of(value)) is not None:
            return conversation(*request)
    return Payload(json_or_text(value))


def conversation(messages: Sequence[str], members: dict[str, str] | None = None) -> Payload:
    """Return a payload of an object: its messages, one or more, which the run keeps once each, and others."""
    if members and "messages" in members:  # what a call's parameters say again
        members = {key: text for key, text in members.items() if key != "messages"}
    return Payload(joined_text({"messages": SHARED_MARK} | (members or {})), tuple(messages))


def messages_of(value: Value) -> tuple[str, ...] | None:
    """Return the JSON texts of a list of messages: objects with a content and a role or type. None where it is none."""
    pieces = pieces_of(value)
    return pieces if pieces and all(map(is_message, pieces)) else None


def is_message(piece: str) -> bool:
    """Return whether a JSON text looks like a message of a conversation."""
    return piece.startswith("{") and '"content"' in piece and ('"role"' in piece or '"type"' in piece)


def parsed(text: str) -> Value:
    """Return what a JSON text says; the text itself where it is none."""
    try:
        value: Value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


def safe(text: str) -> str:
    """Return JSON from elsewhere such that nothing in it passes for a tag of the tape, and nothing is too deep."""
    return text if _is_safe(text) else _written(text)


def _key(name: str) -> str:
    return _short_key(name) if len(name) <= _SHORT else text_of(name)


@lru_cache(maxsize=1024)
def _short_key(name: str) -> str:
    return text_of(name)


def _is_safe(text: str) -> bool:
    return (
        '"$' not in text and '"\\u0024' not in text and text.count("{") + text.count("[") <= _MOST_BRACKETS
    )  # a key can also say its first character as an escape


def _written(text: str) -> str:
    return tape.encoded_text(json.loads(text))


def _lenient(text: str) -> str:
    """Return what Python reads and JSON does not allow, NaN and lone surrogates; else the text as a string."""
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


# --- JSON that is nested deeper than Python reads ---

MOST_LEVELS: Final = 100  # of what Python cannot read at once: it ends at some 900, redaction looks 200 deep
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def shallow(text: str, *, levels: int = MOST_LEVELS) -> str:
    """Return JSON in which what stands below so many levels is a text that holds it: at 2 `[[[]]]` is `[["[]"]]`."""
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
    """Return a time that is given in nanoseconds since 1970, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def in_utc(moment: datetime, *, what: str) -> datetime:
    """Return a time in UTC, which is also what a time without a zone is taken for.

    Raises:
        InvalidInput: in UTC it is in no year from 1 to 9999, so nothing could ever read it again.
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
    """Accept an end that is not before its beginning, which `began` names.

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
#: US dollars of one call. No call costs as much, and 64 bits of picodollars end at 9,223,372.
#: `titan_sdk.recording.entries` has the same.
MOST: Final = Decimal(10) ** 6


def checked_cost(cost: Decimal | None, *, what: str) -> Decimal | None:
    """Return a cost rounded to the picodollar.

    Raises:
        InvalidInput: it is negative, no number, or more than any call costs.
    """
    if cost is None:
        return None
    if not cost.is_finite() or not 0 <= cost <= MOST:
        raise InvalidInput(
            what,
            expected=f"a cost from 0 to {MOST:,} US dollars",
            found=str(cost)[:40],
            next_step="Correct it and send it again.",
        )
    return _rounded(cost)


def dollars_of(value: object) -> Decimal | None:
    """Return an amount as its digits say it: a float's are the shortest that give it back. None for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return _rounded(amount) if amount.is_finite() and 0 <= amount <= MOST else None


def total_of(parts: Iterable[Decimal]) -> Decimal | None:
    """Return what parts of a cost come to; None where that is more than any call costs."""
    total = sum(parts, Decimal(0))
    return total if total <= MOST else None


def _rounded(cost: Decimal) -> Decimal:
    rounded = cost.quantize(PICODOLLAR)
    return cost if rounded == cost else rounded


def count_of(value: object) -> int | None:
    """Return a count of tokens; None for what is none, or more than any call takes."""
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
    """The entries of a request, and what of it could not be taken: OTLP's partial success.

    What is said of a run stands before its actions, so that they are the run's agent's from the beginning.
    """

    entries: Sequence[Entry]
    accepted: int  #: spans, log records or metrics, those too that are dropped by choice
    rejected: int = 0
    problem: str = ""  #: why some were rejected; "" when none was
