"""What a path of none was meant for: the mistakes of who sends telemetry or asks a model, and what to set instead.

An exporter adds `/v1/traces` to what OTEL_EXPORTER_OTLP_ENDPOINT says, so with a `/v1` there it asks for
`/v1/v1/traces`; one that is told an address for traces alone adds nothing, and asks for `/`. Clients of models ask for
all that OpenAI has, with a `base_url` that ends in `/v1`, or should.
"""

import re
from dataclasses import dataclass
from typing import Final

from titan.server.rpc_status import is_for_telemetry, is_status_wanted

_SIGNALS: Final = re.compile(r"/v1/(traces|logs|metrics)/?")
_MODEL: Final = re.compile(r"(?:/v1)*/(chat/completions|responses|embeddings|completions|messages|models)(?:/.*)?")
_CHAT: Final = "POST /v1/chat/completions, or GET /v1/models"
_INSTEAD: Final = {
    "responses": "Use chat completions: client.chat.completions.create(…) of openai,"
    ' set_default_openai_api("chat_completions") of openai-agents, or another framework\'s setting for it.',
    "completions": "Use chat completions: client.chat.completions.create(…) of openai.",
    "embeddings": "This server makes no embeddings: ask a provider for them under its own address.",
    "messages": "Use a client of OpenAI's dialect, or ask Anthropic under its own address.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What somebody who asked for a path of none will have wanted."""

    expected: str
    next_step: str
    is_model: bool  #: whether a client of models asks, which reads OpenAI's errors


def meant_by(method: str, path: str, *, content_type: str | None, base_url: str) -> Meant | None:
    """Return what is there instead and what to set; None for a path that tells nothing.

    `base_url` is where this server was asked: `http://127.0.0.1:5000`.
    """
    if is_for_telemetry(path) or is_status_wanted(path, content_type):
        return _telemetry(path, base_url)
    found = _MODEL.fullmatch(path)
    if found is None or (method != "POST" and not path.startswith("/v1/")):
        return None
    what = found[1]
    next_step = _INSTEAD.get(what, f"Set the client's base_url, or OPENAI_BASE_URL, to {base_url}/v1.")
    return Meant(expected=_CHAT, next_step=next_step, is_model=True)


def _telemetry(path: str, base_url: str) -> Meant:
    found = _SIGNALS.search(path)
    signal = found[1] if found else "traces"
    return Meant(
        expected=f"POST /v1/{signal}",
        next_step=f"Set OTEL_EXPORTER_OTLP_ENDPOINT to {base_url}, to which exporters add /v1/{signal};"
        f" or OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT to {base_url}/v1/{signal}, to which they add nothing.",
        is_model=False,
    )
