"""The language model of this server, in OpenAI's dialect, so that a job script needs no key."""

from typing import Any

from litestar import Response

from titan.rules.access import Permission
from titan.server import model_endpoint
from titan.server.call import Call
from titan.server.route import Routes

route = Routes()


@route("POST /v1/chat/completions", Permission.ASK_MODEL, body=dict, answer=dict)
async def chat(call: Call) -> Response[Any]:
    """Ask the model, for a whole answer or a stream; a client that goes away meanwhile takes its question back."""
    return await model_endpoint.chat(call, await call.raw_body())


@route("GET /v1/models", Permission.READ_SHARED)
async def list_models(call: Call) -> dict[str, object]:
    """Name the model that answers."""
    return model_endpoint.models_json(call.house.model)
