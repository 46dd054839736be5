"""The language model of this server, in OpenAI's dialect, so that a job script needs no key."""

from litestar import Response

from titan.server import model_endpoint
from titan.server.answers import json_answer
from titan.server.call import Call


async def chat(call: Call) -> Response[bytes]:
    """Ask the model."""
    status_code, answer = await model_endpoint.chat(await call.raw_body(), call.house.model)
    return json_answer(answer, status_code)


async def list_models(call: Call) -> Response[bytes]:
    """Name the model that answers."""
    return json_answer(model_endpoint.models_json(call.house.model))
