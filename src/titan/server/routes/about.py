"""The server about itself: whether it lives, its figures, and its housekeeping."""

import asyncio
from dataclasses import asdict

from litestar import Response

from titan import __version__
from titan.server import wire, wire_house
from titan.server.answers import json_answer
from titan.server.call import Call
from titan.server.metrics import CONTENT_TYPE


async def health(call: Call) -> Response[bytes]:
    """Say that the server lives and its store answers."""
    house = call.house
    house.space.look()
    return json_answer(
        wire.HealthAnswer(
            status="ok",
            version=__version__,
            now=house.clock.now(),
            started_at=house.started_at,
            home_id=await house.store.look(lambda reader: reader.home_id()),
            model=house.model_name,
            storage=wire.StorageView(free_bytes=house.space.disk.free_bytes, is_low=house.space.is_low),
        )
    )


async def metrics(call: Call) -> Response[bytes]:
    """Give the server's figures in Prometheus' text format."""
    house = call.house

    def write() -> bytes:
        house.store.read(lambda reader: house.metrics.look(reader, house.project_id))
        return house.metrics.text(free_bytes=house.space.disk.free_bytes)

    return Response(await asyncio.to_thread(write), media_type=CONTENT_TYPE)


async def clean(call: Call) -> Response[bytes]:
    """Do a round of keeping house now, and say what went."""
    query = call.query(wire_house.CleanQuery)
    house = call.house
    freed = await house.cleaner.clean(is_dry=query.dry_run)
    unused = await asyncio.to_thread(house.store.read, lambda reader: reader.unused_bytes())
    return json_answer(wire_house.CleanAnswer(is_dry_run=query.dry_run, database_unused_bytes=unused, **asdict(freed)))
