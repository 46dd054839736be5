"""Preview an action's inputs or outputs on one line; of chat messages the last one.

The console's pages/run/messages/gist.ts shows the same for the rows of a trace.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

MOST_CHARACTERS: Final = 120
_LISTS: Final = ("messages", "input", "contents", "output")
_CHOICES: Final = ("choices", "candidates")
_TEXTS: Final = ("content", "parts", "text", "value")
_NOT_SAID: Final = ("system", "developer")  # it stands before every turn alike
_DECODER: Final = json.JSONDecoder()
_Message: TypeAlias = Mapping[str, object]


def gist_of(text: str) -> str:
    """Return a preview of inputs or outputs, given as JSON or its beginning; "" if they hold no text."""
    try:
        return _gist(json.loads(text))
    except (ValueError, RecursionError):  # it was cut off, or is nested deeper than anybody says something
        return cut(_last_said(_messages(_before_the_cut(text))) or text.removeprefix('"'), is_more=True)


def cut(text: str, *, is_more: bool = False) -> str:
    """Return a text on one line, cut at 120 characters; `is_more`: the text was cut before."""
    line = " ".join(text.split())
    if len(line) > MOST_CHARACTERS:
        return line[: MOST_CHARACTERS - 1] + "…"
    return f"{line} …" if is_more and line else line


def _gist(value: object) -> str:
    if messages := _messages_in(value):
        return cut(_last_said(messages))
    argument = _lone_argument(value)
    if words := _words(argument):
        return cut(words)
    return "" if argument is None or isinstance(argument, str) else cut(json.dumps(argument, ensure_ascii=False))


def _messages_in(value: object) -> list[_Message]:
    """Return the chat messages of a request, an answer or a function's arguments."""
    if isinstance(value, list):
        found = _messages(value)
        return found if len(found) == len(value) else []
    if not isinstance(value, Mapping):
        return []
    if messages := _messages([value]):
        return messages
    if (alone := _lone_argument(value)) is not value:
        return _messages_in(alone)
    given = value.get("kwargs")
    inside = [*(value.get(name) for name in _LISTS), *([given] if isinstance(given, Mapping) else [])]
    if found := next((found for one in inside if (found := _messages_in(one))), []):
        return found
    choices = [choice for name in _CHOICES for choice in _listed(value.get(name)) if isinstance(choice, Mapping)]
    return _messages(choice.get("message") or choice.get("content") for choice in choices)


def _messages(values: Iterable[object]) -> list[_Message]:
    return [value for value in values if isinstance(value, Mapping) and isinstance(value.get("role"), str)]


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _before_the_cut(text: str) -> list[object]:
    """Return the complete messages in the beginning of a JSON text."""
    items: list[object] = []
    at = text.find("[", max(text.find('"messages"'), 0)) + 1
    while at > 0:
        try:
            item, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        items.append(item)
        at = end + 1 if text[end : end + 1] == "," else -1
    return items


def _last_said(messages: Sequence[_Message]) -> str:
    """Return the last text of a user, else of anybody, else the last tool calls."""
    said = [message for message in reversed(messages) if message.get("role") not in _NOT_SAID]
    for message in [*(one for one in said if one.get("role") == "user"), *said]:
        if words := _words(message):
            return words
    return next((words for message in said if (words := _calls(message))), "")


def _calls(message: _Message) -> str:
    calls = [call.get("function", call) for call in _listed(message.get("tool_calls")) if isinstance(call, Mapping)]
    return ", ".join(
        f"{call.get('name')}({call.get('arguments') or ''})" for call in calls if isinstance(call, Mapping)
    )


def _words(value: object) -> str:
    """Return the text in the content of a message; "" if there is none."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return " ".join(filter(None, map(_words, value)))
    if not isinstance(value, Mapping):
        return ""
    return next((words for name in _TEXTS if (words := _words(value.get(name)))), "")


def _lone_argument(value: object) -> object:
    """Return a function's only argument, if it has exactly one positional one, else `value` itself."""
    if not isinstance(value, Mapping) or value.keys() != {"args", "kwargs"} or value["kwargs"]:
        return value
    args = value["args"]
    return args[0] if isinstance(args, list) and len(args) == 1 else value
