"""The server about itself: whether it lives, and what it can be asked."""

from litestar import Response

from titan import __version__
from titan.server import wire
from titan.server.answers import json_answer
from titan.server.call import Call


async def health(call: Call) -> Response[bytes]:
    """Say that the server lives and its store answers."""
    house = call.house
    return json_answer(
        wire.HealthAnswer(
            status="ok",
            version=__version__,
            now=house.clock.now(),
            started_at=house.started_at,
            home_id=house.store.read(lambda reader: reader.home_id()),
            model=house.model_name,
        )
    )
