"""The language model of this server, in OpenAI's dialect, so that a job script needs no key."""

from typing import Final

from litestar import Response

from titan.server import model_endpoint
from titan.server.answers import json_answer
from titan.server.call import Call

CLIENT_CLOSED_REQUEST: Final = 499  # nginx's word for it; nobody reads the answer


async def chat(call: Call) -> Response[bytes]:
    """Ask the model; a client that goes away meanwhile takes its question back."""
    answered = await call.while_connected(model_endpoint.chat(await call.raw_body(), call.house.model))
    if answered is None:
        return json_answer(b"{}", CLIENT_CLOSED_REQUEST)
    status_code, answer = answered
    return json_answer(answer, status_code)


async def list_models(call: Call) -> Response[bytes]:
    """Name the model that answers."""
    return json_answer(model_endpoint.models_json(call.house.model))
