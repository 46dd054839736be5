"""The language model of this server, in OpenAI's dialect, so that a job script needs no key."""

from typing import Any

from litestar import Response

from titan.server import model_endpoint
from titan.server.answers import json_answer
from titan.server.call import Call


async def chat(call: Call) -> Response[Any]:
    """Ask the model, for a whole answer or a stream; a client that goes away meanwhile takes its question back."""
    return await model_endpoint.chat(call, await call.raw_body())


async def list_models(call: Call) -> Response[bytes]:
    """Name the model that answers."""
    return json_answer(model_endpoint.models_json(call.house.model))
