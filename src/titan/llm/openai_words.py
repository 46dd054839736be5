"""What we say to a model and what it answers, in OpenAI's words: pure."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from titan.model.language import (
    FinishReason,
    Message,
    ModelAnswer,
    ModelDelta,
    ModelRequest,
    MustCall,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
)

if TYPE_CHECKING:
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessage


def message_json(message: Message) -> dict[str, object]:
    """Return a message of a request."""
    said: dict[str, object] = {"role": message.role.value, "content": message.content}
    if message.tool_calls:
        said["content"] = message.content or None
        said["tool_calls"] = [call_json(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
    return said


def call_json(call: ToolCall) -> dict[str, object]:
    """Return a tool call of a message."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def parameters(request: ModelRequest, *, limit_field: str) -> dict[str, object]:
    """Return what a request says beside its messages; what is left to the model is not in it."""
    stated: dict[str, object] = {
        limit_field: request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "tool_choice": None if request.tool_choice is None else _choice(request.tool_choice),
        "parallel_tool_calls": request.has_parallel_calls,
    }
    said = {name: value for name, value in stated.items() if value is not None}
    if request.tools:
        said["tools"] = [_tool(tool) for tool in request.tools]
    if request.schema is not None:
        form = {"name": "answer", "schema": dict(request.schema)}
        said["response_format"] = {"type": "json_schema", "json_schema": form}
    return said


def with_schema_in_words(request: ModelRequest) -> ModelRequest:
    """Return a request whose last message asks for the schema, for endpoints that know no `response_format`."""
    words = f"Answer with JSON only, no other word, that fits this JSON Schema:\n{json.dumps(request.schema)}"
    last = request.messages[-1]
    asked = replace(last, content=f"{last.content}\n\n{words}")
    return replace(request, messages=(*request.messages[:-1], asked), schema=None)


def answer_of(
    message: "ChatCompletionMessage",
    *,
    finish_reason: str | None,
    model: str,
    usage: "CompletionUsage | None",
    latency_ns: int,
) -> ModelAnswer:
    """Return an answer that came whole."""
    gathered = GatheredAnswer(model=model, usage=usage, finish_reason=finish_reason or "stop")
    gathered.text = message.content or ""
    for call in message.tool_calls or ():
        if call.type != "custom":  # we offer functions only
            gathered.calls.append(_Call(call.id or _new_id(), call.function.name, call.function.arguments))
    return gathered.answer(latency_ns=latency_ns)


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    arguments: str


@dataclass(slots=True)
class GatheredAnswer:
    """An answer as far as its pieces have come."""

    model: str  #: as it was asked for, until the endpoint says which it is
    text: str = ""
    calls: list[_Call] = field(default_factory=list)
    refusal: str = ""
    usage: "CompletionUsage | None" = None
    finish_reason: str | None = None  #: None: it is not whole
    _places: dict[int, int] = field(default_factory=dict)  #: the endpoint's index of a call → its place in `calls`

    def take(self, chunk: "ChatCompletionChunk") -> Iterator[ModelDelta]:
        """Yield what a chunk adds."""
        # The package does not validate: what another kind of endpoint sends has none of these.
        self.model = getattr(chunk, "model", None) or self.model
        self.usage = getattr(chunk, "usage", None) or self.usage
        for choice in (getattr(chunk, "choices", None) or ())[:1]:
            self.finish_reason = choice.finish_reason or self.finish_reason
            delta = choice.delta
            self.refusal += getattr(delta, "refusal", None) or ""
            if text := getattr(delta, "content", None):
                self.text += text
                yield TextDelta(text=text)
            for piece in getattr(delta, "tool_calls", None) or ():
                yield self._called(piece)

    def answer(self, *, latency_ns: int) -> ModelAnswer:
        """Return the whole answer."""
        usage = self.usage
        of_prompt = getattr(usage, "prompt_tokens_details", None)
        of_completion = getattr(usage, "completion_tokens_details", None)
        return ModelAnswer(
            text=self.text,
            model=self.model,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            latency_ns=latency_ns,
            finish_reason=_finish_reason(self.finish_reason, has_calls=bool(self.calls)),
            tool_calls=tuple(ToolCall(id=call.id, name=call.name, arguments=call.arguments) for call in self.calls),
            cache_read_tokens=getattr(of_prompt, "cached_tokens", None),
            cache_write_tokens=getattr(of_prompt, "cache_write_tokens", None),
            reasoning_tokens=getattr(of_completion, "reasoning_tokens", None),
        )

    def _called(self, piece: Any) -> ToolCallDelta:
        function = piece.function
        arguments = (function.arguments if function else None) or ""
        stated = len(self._places) if piece.index is None else piece.index
        place = self._places.get(stated)
        # Gemini's endpoint gives several calls one index; their ids tell them apart.
        if place is None or (piece.id and piece.id != self.calls[place].id):
            self._places[stated] = place = len(self.calls)
            call = _Call(piece.id or _new_id(), (function.name if function else None) or "", arguments)
            self.calls.append(call)
            return ToolCallDelta(index=place, id=call.id, name=call.name, arguments=arguments)
        self.calls[place].arguments += arguments
        return ToolCallDelta(index=place, arguments=arguments)


def _tool(tool: Tool) -> dict[str, object]:
    stated = {"description": tool.description, "parameters": tool.parameters, "strict": tool.is_strict}
    function = {name: value for name, value in stated.items() if value is not None}
    return {"type": "function", "function": {"name": tool.name, **function}}


def _choice(choice: ToolChoice) -> object:
    if isinstance(choice, MustCall):
        return {"type": "function", "function": {"name": choice.name}}
    return choice.value


def _finish_reason(stated: str | None, *, has_calls: bool) -> FinishReason:
    if has_calls and stated != "length":
        return FinishReason.TOOL_CALLS  # many say "stop"
    try:
        return FinishReason(stated or "stop")
    except ValueError:  # endpoints have words of their own: "eos", "end_turn"
        return FinishReason.STOP


def _new_id() -> str:
    return f"call_{uuid.uuid4().hex}"  # Ollama gives none
