"""Redact secrets in recorded JSON and texts, in the same way in the server and the SDK.

A secret is replaced by a marker, `[redacted:NAME]`, and reported with its path and a keyed fingerprint, so that equal
secrets of two records can still be recognised. `titan_sdk.redaction.finding` has the two search engines.
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeGuard

from titan_sdk.redaction.finding import MARKER, Finder, Span, joined
from titan_sdk.redaction.patterns import CARD, COUNTED, VERSION, FieldRule, field_rule, is_pair_secret, spelt_plainly

#: Tags of `titan_sdk.tape` with base64 content, in which no pattern matches.
_BYTES_TAGS: Final = ("$bytes", "$bytearray")
MAX_DEPTH: Final = 200  # lists and objects in each other; Python's own JSON reader ends at about 1,000
FINGERPRINT_DIGITS: Final = 32  # 128 bits: two secrets of a project never share one by chance
MAX_FIELD: Final = 200  # characters; a longer key is no field name
_LEAST_CARD: Final = 10**13  # of 14 digits
_MOST_CARD: Final = 10**16 - 1  # of 16
MAX_WORDS: Final = 64  # of a list that is searched as a command line
TOO_DEEP: Final = "too_deep"  #: the marker for values below MAX_DEPTH, which are not searched
LEAST_REPEATED: Final = 16  # characters; a shorter value may be a word
MAX_REPEATED: Final = 256  # secrets of one text whose repetitions are searched


class Taken(NamedTuple):
    """One redacted value."""

    path: str  #: its place: `$.messages[0].content`; a `$` within begins JSON inside a text
    name: str  #: the pattern or field rule that matched
    fingerprint: str  #: keyed, of the value: equal values of one key have equal ones


class RedactedText(NamedTuple):
    """A text without secrets, and the secrets that were removed."""

    text: str
    taken: tuple[Taken, ...]


class Redactor:
    """Removes secrets from texts and JSON. Threads may share one.

    Args:
        finder: the engine, with its patterns.
        key: of the fingerprints: secret, and the same wherever values are compared. Without a key a card number could
            be found by trying all.
        fields: names of further fields whose whole value is removed; `api-key` and `apiKey` are the same.
    """

    #: The version of patterns, checks and field rules.
    version: Final = VERSION

    def __init__(self, finder: Finder, *, key: bytes, fields: Iterable[str] = ()) -> None:
        if len(key) < 16:
            raise ValueError(f"expected a key of 16 bytes or more for fingerprints; found {len(key)}")
        self._finder = finder
        self._key = key
        self._own_fields = {
            spelt: FieldRule(_marker_name(spelt), "", takes_numbers=True) for spelt in map(spelt_plainly, fields)
        }

    def redact_json(self, text: str) -> RedactedText:
        """Return JSON text without secrets; the same text when it has none.

        Otherwise it is written anew: compact, with the last of equal keys in an object, numbers as Python reads them. A
        text that is not JSON is redacted as a text.
        """
        if not self.may_take(text):
            return RedactedText(text, ())
        clean = self.redact_text(text)
        return clean._replace(text=json.dumps(clean.text.strip())) if clean.taken and _is_number(text) else clean

    def may_take(self, *texts: str) -> bool:
        """Return False only if texts, and JSON inside them, certainly have no secrets."""
        return bool(self._own_fields) or self._finder.may_hold("\n".join(texts))

    def redact_text(self, text: str) -> RedactedText:
        """Return a text without secrets; if it is a JSON object or list, field rules apply, too.

        A secret of LEAST_REPEATED characters or more is removed everywhere in the text.
        """
        first = _Walk(self, self._finder.find)
        clean = first.text(text, None, depth=0)
        values = first.values and _those_in(clean, first.values)
        if not values:
            return RedactedText(clean, tuple(first.taken))
        again = _Walk(self, partial(_find_again, values))
        return RedactedText(again.text(clean, None, depth=0), (*first.taken, *again.taken))

    def redact_id(self, given_id: str) -> RedactedText:
        """Return an id without secrets; a redacted id ends in its fingerprint, so that equal ids stay equal.

        Its digits are never taken for a card number.
        """
        clean = self.redact_text(given_id)
        if all(one.name == CARD for one in clean.taken):
            return RedactedText(given_id, ())
        return RedactedText(f"{clean.text}-{self.fingerprint(given_id)}", clean.taken)

    def fingerprint(self, value: object) -> str:
        """Return the keyed fingerprint of a JSON value; the order of its keys makes no difference."""
        # The letter distinguishes the text "5" from the number 5.
        plain = f"t{value}" if isinstance(value, str) else "j" + json.dumps(value, sort_keys=True, default=repr)
        digest = hmac.digest(self._key, plain.encode("utf-8", "surrogatepass"), "sha256")
        return digest.hex()[:FINGERPRINT_DIGITS]

    def rule_of(self, field: str) -> FieldRule | None:
        """Return the rule for a field of this name, None without one."""
        own = self._own_fields.get(spelt_plainly(field)) if self._own_fields else None
        return own or field_rule(field)

    def rule_in(self, key: str, siblings: Mapping[str, object], *, is_schema: bool = False) -> FieldRule | None:
        """Return the rule that removes the whole value at a key of an object, None without one.

        In a JSON schema's properties the key is a parameter's name, and the value describes the parameter.
        """
        field = key
        if key == "value":  # a header or a setting as a pair: {"name": "Authorization", "value": …}
            named = siblings.get("name", siblings.get("key"))
            field = named if isinstance(named, str) and not set(named) & set('"\\') else key
        rule = self.rule_of(field)
        return None if rule is None or _is_spared(rule, siblings[key], siblings, is_schema=is_schema) else rule

    def rule_of_pair(self, pair: Sequence[object]) -> FieldRule | None:
        """Return the rule that removes the second of two items, such as a header as a pair, `["Cookie", "id=…"]`."""
        name, value = map(_text_of, pair)
        if name is None or value is None:
            return None
        rule = self.rule_of(name)
        return rule if rule is not None and is_pair_secret(rule, value) else None


class _Path(NamedTuple):
    """The path of a value; formatted only when a secret was found there."""

    above: _Path | None
    step: str | int

    def __str__(self) -> str:
        steps: list[str] = []
        here: _Path | None = self
        while here is not None:
            steps.append(_written_step(here.step, is_first=here.above is None))
            here = here.above
        return "".join(reversed(steps))


class _Walk:
    """One pass over one value, which collects the secrets it removes."""

    def __init__(self, redactor: Redactor, find: Callable[[str], list[Span]]) -> None:
        self.taken: list[Taken] = []
        #: removed secrets that are long enough to be searched by themselves, with their names
        self.values: dict[str, str] = {}
        self._redactor = redactor
        self._find = find

    def value(self, value: object, path: _Path, *, depth: int) -> object:
        if isinstance(value, str):
            return self.text(value, path, depth=depth)
        if isinstance(value, int | float):
            return self._number(value, path)
        if not isinstance(value, dict | list):
            return value
        if depth >= MAX_DEPTH:
            self.taken.append(Taken(str(path), TOO_DEEP, ""))
            return marker(TOO_DEEP)
        if isinstance(value, dict):
            return self._object(value, path, depth=depth)
        items = [self.value(item, _Path(path, index), depth=depth + 1) for index, item in enumerate(value)]
        rule = self._redactor.rule_of_pair(value) if len(value) == 2 else None
        if rule is not None and items[1] is value[1]:
            items[1] = self._whole(rule, value[1], _Path(path, 1))
        if _is_command(items):
            items[:] = self._command(items, path)
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value

    def _command(self, words: list[str], path: _Path) -> list[str]:
        """Return a command without secrets that only the words before them reveal: `["-p", "hunter2"]`."""
        clean, at = list(words), 0
        spans = self._find(" ".join(words))
        for place, word in enumerate(words):
            for span in reversed(spans):
                start, end = span.start - at, span.end - at
                if start >= 0 and end <= len(word):
                    self._take(span.name, word[start:end], _Path(path, place))
                    clean[place] = clean[place][:start] + marker(span.name) + clean[place][end:]
            at += len(word) + 1
        return clean

    def text(self, text: str, path: _Path | None, *, depth: int) -> str:
        """Return a text without secrets, JSON or not; `path` is None for the whole text."""
        if depth < MAX_DEPTH and (decoded := _decoded(text)) is not None:
            clean = self.value(decoded[0], _Path(path, "$"), depth=depth + 1)
            return text if clean is decoded[0] else _encoded(clean, like=text)
        if path is None and _is_number(text) and not text.strip().isdigit():
            number = float(text)
            if (clean := self._number(number, _WHOLE)) is not number:
                return str(clean)
        return self._plain_text(text, path)

    def _plain_text(self, text: str, path: _Path | None) -> str:
        spans = self._find(text)
        if not spans:
            return text
        pieces, end = [], 0
        for span in spans:
            self._take(span.name, text[span.start : span.end], path or _Path(None, "$"))
            pieces += [text[end : span.start], marker(span.name)]
            end = span.end
        return "".join([*pieces, text[end:]])

    def _object(self, value: dict[str, object], path: _Path, *, depth: int) -> dict[str, object]:
        if len(value) == 1 and (content := _content_of(value)) is not None:
            return self._content(value, content, path, depth=depth)
        clean: dict[str, object] = {}
        is_changed = isinstance(value, _RepeatedKeys)  # the last key hides the others: written anew, they are gone
        for key, old in value.items():
            new_key = self._key(key, clean, path)
            here = _Path(path, new_key)
            rule = self._redactor.rule_in(key, value, is_schema=path.step == "properties")
            new = self.value(old, here, depth=depth + 1) if rule is None else self._whole(rule, old, here)
            is_changed = is_changed or new is not old or new_key is not key
            clean[new_key] = new
        return clean if is_changed else value

    def _content(self, value: dict[str, object], content: bytes, path: _Path, *, depth: int) -> dict[str, object]:
        """Return bytes without the secrets of their text; secrets among binary data are found, too."""
        clean = self._narrow(self._wide(content, path, depth=depth), path, depth=depth)
        return (
            value
            if clean == content and not isinstance(value, _RepeatedKeys)
            else dict.fromkeys(value, b64encode(clean).decode())
        )

    def _narrow(self, content: bytes, path: _Path, *, depth: int) -> bytes:
        try:
            return self.text(content.decode(), path, depth=depth + 1).encode()
        except UnicodeDecodeError:  # each byte becomes one character, and that byte again
            return self._plain_text(content.decode("latin-1"), path).encode("latin-1")

    def _wide(self, content: bytes, path: _Path, *, depth: int) -> bytes:
        """Return bytes without secrets in UTF-16 of either byte order: Latin letters with NULs between them."""

        def cleaned(found: re.Match[bytes]) -> bytes:
            text = found[0][::2].decode("latin-1")
            clean = self.text(text, path, depth=depth + 1)
            return (
                found[0]
                if clean is text
                else b"\0".join(bytes([letter]) for letter in clean.encode("latin-1", "replace"))
            )

        return _WIDE.sub(cleaned, content) if b"\0" in content else content

    def _number(self, value: float, path: _Path) -> object:
        """Return a number unless it is a card number; in fields of durations, times or sizes it never is."""
        if not _LEAST_CARD <= value <= _MOST_CARD or value != int(value) or COUNTED.search(_field_of(path)):
            return value
        digits = str(int(value))
        if [span.name for span in self._find(digits)] != [CARD]:
            return value
        self._take(CARD, digits, path)  # as a text, with the same fingerprint
        return marker(CARD)

    def _key(self, key: str, taken_keys: Mapping[str, object], path: _Path) -> str:
        clean = self._plain_text(key, path)
        if clean is key:
            return key
        number, free = 1, clean
        while free in taken_keys:  # two secret keys stay two entries
            number += 1
            free = f"{clean} {number}"
        return free

    def _whole(self, rule: FieldRule, value: object, path: _Path) -> str:
        if isinstance(value, str) and MARKER.fullmatch(value):
            return value
        self._take(rule.name, value, path)
        if isinstance(value, str):  # "Bearer …": the token may be repeated alone
            for span in self._find(value):
                self._keep(value[span.start : span.end], span.name, path)
        return marker(rule.name)

    def _take(self, name: str, value: object, path: _Path) -> None:
        self.taken.append(Taken(str(path), name, self._redactor.fingerprint(value)))
        if isinstance(value, str):
            self._keep(value.strip(), name, path)

    def _keep(self, value: str, name: str, path: _Path) -> None:
        is_long = len(value) >= LEAST_REPEATED and len(self.values) < MAX_REPEATED
        if is_long and spelt_plainly(value) != _field_of(path):  # {"connection_string": "connection_string"}
            self.values.setdefault(value, name)


def marker(name: str) -> str:
    """Return the marker for a secret of this name."""
    return f"[redacted:{name}]"


def _those_in(text: str, values: Mapping[str, str]) -> Mapping[str, str]:
    """Return the values that may stand in a text, or in JSON or bytes within it."""
    if "\\u00" in text or "$byte" in text:  # else letters and digits stand there plainly
        return values
    return {value: name for value, name in values.items() if max(_LETTERS.findall(value), key=len, default="") in text}


def _find_again(values: Mapping[str, str], text: str) -> list[Span]:
    """Return where values stand in a text, as secrets of the names that they are given with."""
    return joined(
        Span(found.start(), found.start() + len(value), name)
        for value, name in values.items()
        if value in text
        for found in re.finditer(f"(?={re.escape(value)})", text)
    )


def _is_spared(rule: FieldRule, value: object, siblings: Mapping[str, object], *, is_schema: bool) -> bool:
    """Return whether a value is kept although its field's name is that of a secret."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return True
    if isinstance(value, int | float):
        return not rule.takes_numbers
    if isinstance(value, str):
        return len(value) < rule.shortest or "logprob" in siblings  # a token of a model's answer is text
    return not rule.takes_containers or (is_schema and isinstance(value, dict))


def _content_of(value: Mapping[str, object]) -> bytes | None:
    """Return the content of encoded bytes; None for anything else."""
    [(tag, written)] = value.items()
    if tag not in _BYTES_TAGS or not isinstance(written, str):
        return None
    try:
        return b64decode(written, validate=True)
    except ValueError:  # no base64
        return None


def _is_command(items: Sequence[object]) -> TypeGuard[list[str]]:
    """Return whether a list looks like a command line: texts, one of them an option."""
    return (
        2 <= len(items) <= MAX_WORDS
        and all(isinstance(item, str) for item in items)
        and any(isinstance(item, str) and item[:1] == "-" for item in items)
    )


def _text_of(value: object) -> str | None:
    """Return a text, or that of encoded bytes; None for anything else."""
    content = _content_of(value) if isinstance(value, dict) and len(value) == 1 else None
    if content is not None:
        return content.decode("latin-1")
    return value if isinstance(value, str) else None


def _field_of(path: _Path) -> str:
    """Return the normalized name of the field that holds a value or its list; "" without one."""
    here: _Path | None = path
    while here is not None and isinstance(here.step, int):
        here = here.above
    name = "" if here is None else str(here.step)
    return "" if len(name) > MAX_FIELD else spelt_plainly(name)


def _marker_name(field: str) -> str:
    """Return a normalized field name as a marker's name, without characters that markers may not have."""
    return re.sub("[^a-z0-9_-]", "", field)[:64] or "field"


def _written_step(step: str | int, *, is_first: bool) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if is_first:
        return step
    return f".{step}" if _PLAIN_STEP.fullmatch(step) else f"[{json.dumps(step)}]"


class _RepeatedKeys(dict[str, object]):
    """A JSON object with a repeated key: parsers return only the last value."""


def _object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _RepeatedKeys(found)


def _decoded(text: str) -> tuple[object] | None:
    """Return the decoded JSON object, list or text of a text; None where there is none, or it is too deep."""
    stripped = text.strip(" \t\r\n") if text[:1] in _OPENING else ""
    if stripped[:1] + stripped[-1:] not in ("{}", "[]", '""'):
        return None
    try:
        return (_DECODER.decode(stripped),)
    except (ValueError, RecursionError):
        return None


def _is_number(text: str) -> bool:
    """Return whether a text is a JSON number from 0 up."""
    return _NUMBER.fullmatch(text) is not None


def _encoded(value: object, *, like: str) -> str:
    """Return JSON text; characters beyond ASCII are escaped if `like` does so, or if UTF-8 cannot encode them."""
    text = json.dumps(value, ensure_ascii=like.isascii(), separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return json.dumps(value, separators=(",", ":"))
    return text


_WHOLE: Final = _Path(None, "$")
_WIDE: Final = re.compile(b"[^\0](?:\0[^\0]){5,}")  # shorter texts have no secrets
_LETTERS: Final = re.compile("[A-Za-z0-9]+")
_PLAIN_STEP: Final = re.compile(r"\$|[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_NUMBER: Final = re.compile(r"[ \t\r\n]*[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object_of)
_OPENING: Final = frozenset('{["') | frozenset(" \t\r\n")  # how JSON that is no number or word may begin
