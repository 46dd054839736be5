"""What a model answers, and what goes wrong, in OpenAI's words: whole, and as the chunks of a stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from titan.ingest.chat import message_json
from titan.model.errors import (
    Forbidden,
    InvalidInput,
    ModelNotConfigured,
    ModelRefused,
    ModelUnavailable,
    NotSupported,
    TitanError,
)
from titan.model.language import ModelAnswer, ModelDelta, TextDelta

DONE: Final = b"data: [DONE]\n\n"

_STATUSES: Final[Mapping[type[TitanError], int]] = {
    InvalidInput: 400,
    Forbidden: 403,
    NotSupported: 400,
    ModelRefused: 502,
    ModelNotConfigured: 503,
    ModelUnavailable: 503,
}


def answer_json(answer: ModelAnswer, *, completion_id: str, created: int) -> dict[str, object]:
    """Return OpenAI's `chat.completion`, `created` in Unix seconds; what it has no word for under `titan`."""
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": answer.model,
        "choices": [
            {
                "index": 0,
                "message": message_json(answer.text, answer.tool_calls) | {"refusal": None},
                "logprobs": None,
                "finish_reason": answer.finish_reason.value,
            }
        ],
        "usage": usage_json(answer),
        "titan": {"latency_ns": answer.latency_ns},
    }


def usage_json(answer: ModelAnswer) -> dict[str, object] | None:
    """Return the tokens; None where they are not known."""
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    if prompt is None or completion is None:
        return None
    usage: dict[str, object] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    of_prompt = {"cached_tokens": answer.cache_read_tokens, "cache_write_tokens": answer.cache_write_tokens}
    known = {name: count for name, count in of_prompt.items() if count is not None}
    if known:
        usage["prompt_tokens_details"] = known
    if answer.reasoning_tokens is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": answer.reasoning_tokens}
    return usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """Writes the `chat.completion.chunk`s of one stream, as server-sent events."""

    completion_id: str
    created: int  #: Unix seconds
    model: str
    has_usage: bool  #: whether the last one has the tokens; then the others have the field too, with null

    def first(self, piece: ModelDelta | ModelAnswer) -> bytes:
        """Return the chunk that says who speaks; `piece` is what comes next."""
        return self._event({"role": "assistant", "content": "" if isinstance(piece, TextDelta) else None})

    def delta(self, delta: ModelDelta) -> bytes:
        """Return the chunk of a piece."""
        if isinstance(delta, TextDelta):
            return self._event({"content": delta.text})
        call: dict[str, object] = {"index": delta.index, "function": {"arguments": delta.arguments}}
        if delta.id is not None:
            call |= {"id": delta.id, "type": "function"}
            call["function"] = {"name": delta.name, "arguments": delta.arguments}
        return self._event({"tool_calls": [call]})

    def end(self, answer: ModelAnswer) -> bytes:
        """Return all that follows the last piece."""
        end = self._event({}, finish_reason=answer.finish_reason.value)
        usage = _event(self._chunk([]) | {"usage": usage_json(answer)}) if self.has_usage else b""
        return end + usage + DONE

    def _event(self, delta: Mapping[str, object], *, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _event(self._chunk([choice]))

    def _chunk(self, choices: list[dict[str, object]]) -> dict[str, object]:
        chunk: dict[str, object] = {
            "id": self.completion_id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        return chunk | {"usage": None} if self.has_usage else chunk


def error_event(error: TitanError) -> bytes:
    """Return the event that a stream which has begun ends with when it fails."""
    return _event(error_json(error))


def error_json(error: TitanError) -> dict[str, object]:
    """Return the error in a form that is OpenAI's and ours at once."""
    kind = type(error).__name__
    return {
        "error": {
            "message": str(error),
            "type": kind,
            "param": None,
            "code": kind,
            "subject": error.subject,
            "expected": error.expected,
            "found": error.found,
            "next_step": error.next_step,
        }
    }


def error_status(error: TitanError) -> int:
    """Return the HTTP status: 400 and 403 for the caller's mistakes, 502 and 503 for the model's."""
    return next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)


def _event(value: object) -> bytes:
    return b"data: %s\n\n" % msgspec.json.encode(value)
