"""Answers prepared in a file: a model for tests and rehearsals, the same each time and free of charge."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from titan.model.errors import ModelError, ModelNotConfigured, ModelRefused, ModelUnavailable
from titan.model.language import FinishReason, ModelAnswer, ModelRequest

_ERRORS: Final[dict[str, type[ModelError]]] = {
    kind.__name__: kind for kind in (ModelUnavailable, ModelRefused, ModelNotConfigured)
}
_FIELDS: Final = frozenset({"contains", "answer", "error", "repeat"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedAnswer:
    """One prepared answer, given to the first conversation that holds all of `contains`."""

    text: str = ""
    contains: tuple[str, ...] = ()  #: texts that stand anywhere in the conversation
    error: type[ModelError] | None = None  #: raised instead of answering
    repeat: bool = False  #: given again and again; otherwise once


class ScriptedModel:
    """The LanguageModel that answers from `answers`: the first one left that matches, in their order."""

    def __init__(self, answers: Sequence[ScriptedAnswer], *, name: str = "scripted") -> None:
        self._left = list(answers)
        self._name = name

    @property
    def name(self) -> str:
        """The address it was opened with."""
        return self._name

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return the next prepared answer; tokens are counted as words.

        Raises:
            ModelRefused: no answer left matches the conversation.
            ModelError: as the script says.
        """
        started = time.monotonic_ns()
        conversation = "\n".join(message.content for message in request.messages)
        answer = self._take(conversation)
        if answer.error is not None:
            raise answer.error(
                f"model {self._name!r}",
                expected="an answer",
                found="an error in its script",
                next_step="It is meant.",
            )
        return ModelAnswer(
            text=answer.text,
            model=self._name,
            prompt_tokens=len(conversation.split()),
            completion_tokens=len(answer.text.split()),
            latency_ns=time.monotonic_ns() - started,
            finish_reason=FinishReason.STOP,
        )

    async def close(self) -> None:
        """Hold nothing, release nothing."""

    def _take(self, conversation: str) -> ScriptedAnswer:
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


def read_script(file: Path) -> list[ScriptedAnswer]:
    """Return the answers in a JSON file: a list of texts, or of `{"contains", "answer" | "error", "repeat"}`.

    `contains` is a text or a list of texts. An `answer` that is not a string is given as JSON text. `error` is
    the name of a model error: ModelUnavailable, ModelRefused, ModelNotConfigured.

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
    if not isinstance(entry, dict) or not entry.keys() <= _FIELDS or ("answer" in entry) == ("error" in entry):
        raise _unreadable(file, found=f"entry {number}: {json.dumps(entry)[:200]}")
    error_name = entry.get("error")
    if error_name is not None and error_name not in _ERRORS:
        raise _unreadable(file, found=f"entry {number}: the error {error_name!r}")
    answer, contains = entry.get("answer", ""), entry.get("contains", [])
    return ScriptedAnswer(
        text=answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False),
        contains=(contains,) if isinstance(contains, str) else tuple(map(str, contains)),
        error=_ERRORS[error_name] if error_name else None,
        repeat=bool(entry.get("repeat", False)),
    )


def _unreadable(file: Path, *, found: str) -> ModelNotConfigured:
    return ModelNotConfigured(
        f"script {file}",
        expected='a JSON list of texts or of {"contains": …, "answer" or "error": …, "repeat": …}',
        found=found,
        next_step="Correct the file that TITAN_MODEL names.",
    )
