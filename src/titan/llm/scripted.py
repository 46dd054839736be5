"""Answer from a file of scripted or recorded answers: for tests and for replays."""

import json
import re
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from titan.model.errors import ModelError, ModelNotConfigured, ModelRefused, ModelUnavailable
from titan.model.language import (
    FinishReason,
    ModelAnswer,
    ModelDelta,
    ModelRequest,
    MustCall,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolUse,
)

_ERRORS: Final[dict[str, type[ModelError]]] = {
    kind.__name__: kind for kind in (ModelUnavailable, ModelRefused, ModelNotConfigured)
}
_FIELDS: Final = frozenset({"contains", "answer", "tool_calls", "error", "repeat"})
_SAYING: Final = frozenset({"answer", "tool_calls", "error"})
_CALL_FIELDS: Final = frozenset({"name", "arguments"})
_WORD: Final = re.compile(r"\s*\S+|\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedCall:
    """A scripted tool call."""

    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedAnswer:
    """A scripted answer, given to the first conversation that contains all of `contains`."""

    text: str = ""
    contains: tuple[str, ...] = ()  #: texts anywhere in the conversation
    tool_calls: tuple[ScriptedCall, ...] = ()
    error: type[ModelError] | None = None  #: raised instead of answering; in a stream, after `text`
    repeat: bool = False  #: given again and again; otherwise once


class ScriptedModel:
    """The LanguageModel that answers from `answers`: the first one left that matches, in their order."""

    def __init__(self, answers: Sequence[ScriptedAnswer], *, name: str = "scripted") -> None:
        self._left = list(answers)
        self._name = name
        self._calls = 0

    @property
    def name(self) -> str:
        """The address it was opened with."""
        return self._name

    @property
    def provider(self) -> str:
        """The script."""
        return "scripted"

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return the next scripted answer; tokens are counted as words.

        Raises:
            ModelRefused: no answer left matches the conversation, or the one that does calls a tool that is not
                there.
            ModelError: as the script says.
        """
        started = time.monotonic_ns()
        scripted = self._take(request)
        if scripted.error is not None:
            raise self._scripted_error(scripted.error)
        return replace(self._answer(request, scripted), latency_ns=time.monotonic_ns() - started)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelAnswer, None]:
        """Yield the next scripted answer word by word, arguments of tool calls in two chunks."""
        started = time.monotonic_ns()
        scripted = self._take(request)
        for word in _WORD.findall(scripted.text):
            yield TextDelta(text=word)
        if scripted.error is not None:
            raise self._scripted_error(scripted.error)
        answer = self._answer(request, scripted)
        for index, call in enumerate(answer.tool_calls):
            half = len(call.arguments) // 2
            yield ToolCallDelta(index=index, id=call.id, name=call.name, arguments=call.arguments[:half])
            yield ToolCallDelta(index=index, arguments=call.arguments[half:])
        yield replace(answer, latency_ns=time.monotonic_ns() - started)

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    def _answer(self, request: ModelRequest, scripted: ScriptedAnswer) -> ModelAnswer:
        spoken = " ".join((scripted.text, *(f"{call.name} {call.arguments}" for call in scripted.tool_calls)))
        return ModelAnswer(
            text=scripted.text,
            model=self._name,
            prompt_tokens=len(_conversation(request).split()),
            completion_tokens=len(spoken.split()),
            latency_ns=0,
            finish_reason=FinishReason.TOOL_CALLS if scripted.tool_calls else FinishReason.STOP,
            tool_calls=tuple(self._call(call) for call in scripted.tool_calls),
        )

    def _call(self, call: ScriptedCall) -> ToolCall:
        self._calls += 1
        return ToolCall(id=f"call_{self._calls}", name=call.name, arguments=call.arguments)

    def _scripted_error(self, error: type[ModelError]) -> ModelError:
        return error(
            f"model {self._name!r}",
            expected="an answer",
            found="an error in its script",
            next_step="It is meant.",
        )

    def _take(self, request: ModelRequest) -> ScriptedAnswer:
        answer = self._next(_conversation(request))
        strange = [call.name for call in answer.tool_calls if not _may_call(request, call.name)]
        if not strange:
            return answer
        raise ModelRefused(
            f"model {self._name!r}",
            expected=f"tool {strange[0]!r} among those it is offered and may call",
            found=", ".join(tool.name for tool in request.tools) or "none",
            next_step="Offer the tool, or correct the script.",
        )

    def _next(self, conversation: str) -> ScriptedAnswer:
        for answer in self._left:
            if all(text in conversation for text in answer.contains):
                if not answer.repeat:
                    self._left.remove(answer)
                return answer
        raise ModelRefused(
            f"model {self._name!r}",
            expected=f"a conversation that one of its {len(self._left)} answers left matches",
            found=repr(conversation[-200:]),
            next_step="Add an answer to the script.",
        )


def _conversation(request: ModelRequest) -> str:
    return "\n".join(message.content for message in request.messages)


def _may_call(request: ModelRequest, name: str) -> bool:
    choice = request.tool_choice
    if choice is ToolUse.NONE or (isinstance(choice, MustCall) and choice.name != name):
        return False
    return any(tool.name == name for tool in request.tools)


def read_script(file: Path) -> list[ScriptedAnswer]:
    """Return the answers in a JSON file: texts, or objects of `contains`, `answer`, `tool_calls`, `error`, `repeat`.

    `contains` is a text or a list of texts. An `answer` that is not a string is given as JSON text. `tool_calls` is
    a list of `{"name", "arguments"}`; arguments that are a string are given as they are. `error` is the name of a
    model error: ModelUnavailable, ModelRefused, ModelNotConfigured; with an `answer`, a stream breaks off behind it.

    Raises:
        ModelNotConfigured: the file is missing or holds something else.
    """
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(file, found=str(error)) from error
    if not isinstance(entries, list):
        raise _unreadable(file, found=f"a JSON {type(entries).__name__}")
    return [_read_entry(file, number, entry) for number, entry in enumerate(entries, start=1)]


def _read_entry(file: Path, number: int, entry: object) -> ScriptedAnswer:
    if isinstance(entry, str):
        return ScriptedAnswer(text=entry)
    if not isinstance(entry, dict) or not entry.keys() <= _FIELDS or not entry.keys() & _SAYING:
        raise _unreadable(file, found=f"entry {number}: {json.dumps(entry)[:200]}")
    error_name = entry.get("error")
    if error_name is not None and error_name not in _ERRORS:
        raise _unreadable(file, found=f"entry {number}: the error {error_name!r}")
    answer, contains, calls = entry.get("answer", ""), entry.get("contains", []), entry.get("tool_calls", [])
    if not isinstance(calls, list):
        raise _unreadable(file, found=f"entry {number}: tool_calls that are no list")
    return ScriptedAnswer(
        text=_text(answer),
        tool_calls=tuple(_read_call(file, number, call) for call in calls),
        contains=(contains,) if isinstance(contains, str) else tuple(map(str, contains)),
        error=_ERRORS[error_name] if error_name else None,
        repeat=bool(entry.get("repeat", False)),
    )


def _read_call(file: Path, number: int, call: object) -> ScriptedCall:
    if not isinstance(call, dict) or not call.keys() <= _CALL_FIELDS or not isinstance(call.get("name"), str):
        raise _unreadable(file, found=f"entry {number}: the tool call {json.dumps(call)[:200]}")
    return ScriptedCall(name=call["name"], arguments=_text(call.get("arguments", {})))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _unreadable(file: Path, *, found: str) -> ModelNotConfigured:
    return ModelNotConfigured(
        f"script {file}",
        expected='a JSON list of texts or of {"contains": …, "answer", "tool_calls" or "error": …, "repeat": …}',
        found=found,
        next_step="Correct the file that TITAN_MODEL names.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """The recorded answer to a conversation."""

    messages: tuple[tuple[str, str], ...]  #: (role, text)
    answer: ScriptedAnswer


class RecordedModel(ScriptedModel):
    """The LanguageModel of a replay: gives each recorded answer once."""

    def __init__(self, answers: Sequence[RecordedAnswer], *, name: str) -> None:
        super().__init__([], name=name)
        self._recorded = list(answers)

    def _take(self, request: ModelRequest) -> ScriptedAnswer:
        asked = tuple((message.role.value, message.content) for message in request.messages)
        found = next((one for one in self._recorded if one.messages == asked), None)
        if found is None:
            raise ModelRefused(
                f"model {self.name!r}",
                expected="a conversation that was recorded",
                found=f"{asked[-1][1][:200]!r}, which was not, or not so often",
                next_step="In a replay no model is asked.",
            )
        self._recorded.remove(found)
        return found.answer


def read_recorded(file: Path) -> RecordedModel:
    """Return the model in a JSON file with `name` and `answers`, each of `messages` and `message`.

    Raises:
        ModelNotConfigured: the file is missing or holds something else.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        answers = [
            RecordedAnswer(messages=tuple(map(_part, one["messages"])), answer=_said(one["message"]))
            for one in found["answers"]
        ]
        return RecordedModel(answers, name=str(found["name"]))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelNotConfigured(
            f"model recorded:{file}",
            expected="a JSON file of a name and recorded answers, as a replay writes it",
            found=f"{type(error).__name__}: {error}",
            next_step="Choose another model in TITAN_MODEL.",
        ) from error


def _part(message: dict[str, Any]) -> tuple[str, str]:
    return str(message["role"]), _content_text(message.get("content"))


def _said(message: dict[str, Any]) -> ScriptedAnswer:
    functions = [call["function"] for call in message.get("tool_calls") or ()]
    calls = tuple(ScriptedCall(name=one["name"], arguments=one["arguments"]) for one in functions)
    return ScriptedAnswer(text=_content_text(message.get("content")), tool_calls=calls)


def _content_text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return "" if content is None else str(content)
