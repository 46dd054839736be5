"""A model that gives what was recorded: to each conversation that was, once for each time that it was."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from titan.llm.scripted import ScriptedAnswer, ScriptedCall, ScriptedModel
from titan.model.errors import ModelNotConfigured, ModelRefused
from titan.model.language import ModelRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """What was said to a conversation."""

    messages: tuple[tuple[str, str], ...]  #: (role, text)
    answer: ScriptedAnswer


class RecordedModel(ScriptedModel):
    """The LanguageModel of a replay."""

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
    """Return the model in a JSON file: `name`, and `answers`, each with `messages` and the `message` that came.

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
    return str(message["role"]), _text(message.get("content"))


def _said(message: dict[str, Any]) -> ScriptedAnswer:
    functions = [call["function"] for call in message.get("tool_calls") or ()]
    calls = tuple(ScriptedCall(name=one["name"], arguments=one["arguments"]) for one in functions)
    return ScriptedAnswer(text=_text(message.get("content")), tool_calls=calls)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return "" if content is None else str(content)
