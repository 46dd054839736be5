"""The client of asyncio: the same answers, many at once, and nothing left behind by a call that is cancelled."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fake_titan import Failure, FakeTitan, fake_titan
from titan_sdk import AsyncTitanClient, TitanJob, wait_for_signal, wait_for_signals
from titan_sdk.errors import InvalidDag, ServerUnavailable, SignalLost, UnknownDag, WaitTimeout

AT_ONCE = 1_000


@pytest.fixture
def fake() -> Iterator[FakeTitan]:
    with fake_titan() as running:
        yield running


def a_client(port: int, *, retry_for_seconds: float = 5) -> AsyncTitanClient:
    return AsyncTitanClient("127.0.0.1", port, retry_for_seconds=retry_for_seconds, announce=lambda _: None)


def a_job(job_id: str) -> TitanJob:
    return TitanJob(job_id, "job.py", script_content="")


def open_sockets() -> int:
    links = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))
    return sum(os.path.lexists(link) and os.readlink(link).startswith("socket:") for link in links)


class HoldingServer:
    """Takes requests and answers none until `release`; counts the connections that are open."""

    def __init__(self) -> None:
        self.connections = 0
        self.arrived = asyncio.Condition()
        self.is_released = asyncio.Event()

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=AT_ONCE)

    async def until(self, count: int) -> None:
        async with self.arrived:
            await self.arrived.wait_for(lambda: self.connections == count)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await self._count(1)
        gone = asyncio.create_task(reader.read())
        released = asyncio.create_task(self.is_released.wait())
        await asyncio.wait([gone, released], return_when=asyncio.FIRST_COMPLETED)
        if self.is_released.is_set():
            body = b'{"key": "k", "value": "v", "artifact": null}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await gone
        released.cancel()
        writer.close()
        await self._count(-1)

    async def _count(self, change: int) -> None:
        async with self.arrived:
            self.connections += change
            self.arrived.notify_all()


def against_a_holding_server(act: Callable[[HoldingServer, AsyncTitanClient], Awaitable[None]]) -> None:
    async def run() -> None:
        holding = HoldingServer()
        async with await holding.serve() as server, a_client(server.sockets[0].getsockname()[1]) as client:
            await act(holding, client)
            client.close()
            await holding.until(0)

    asyncio.run(run())


def test_each_method_gives_the_plain_clients_answer(fake: FakeTitan, tmp_path: Path) -> None:
    (tmp_path / "up").write_text("text")

    async def use() -> list[object]:
        async with a_client(fake.port) as client:
            accepted = await client.submit_dag("nightly", [a_job("a")])
            fake.finish("a", "COMPLETED", log=b"hi")
            return [
                accepted,
                await client.wait(accepted, timeout=5),
                await client.wait(["a"]),
                await client.get_job_status("a"),
                await client.fetch_logs("a"),
                await client.store_put("k", "v"),
                await client.store_get("k"),
                await client.upload_file(tmp_path / "up"),
                await client.fetch_artifact("up", tmp_path / "down"),
            ]

    assert asyncio.run(use()) == [
        *("DAG_ACCEPTED", "COMPLETED", {"a": "COMPLETED"}, "COMPLETED", "hi", "OK", "v", "UPLOAD_SUCCESS", True)
    ]
    assert (tmp_path / "down").read_text() == "text"


def test_refusals_are_the_plain_clients_errors(fake: FakeTitan) -> None:
    async def use() -> None:
        async with a_client(fake.port) as client:
            with pytest.raises(InvalidDag):
                await client.submit_dag("empty", [])
            with pytest.raises(UnknownDag):
                await client.get_dag("nobody")
            with pytest.raises(WaitTimeout):
                await client.wait(await client.submit_job(a_job("a")), timeout=0.01)

    asyncio.run(use())


def test_a_lost_answer_is_asked_for_again_under_one_key(fake: FakeTitan) -> None:
    fake.failures.extend([Failure.DROPPED, Failure.ANSWER_LOST, Failure.UNAVAILABLE])

    async def use() -> int:
        async with a_client(fake.port) as client:
            return await client.store_sadd("s", "m")

    assert asyncio.run(use()) == 1
    assert len({request.headers["idempotency-key"] for request in fake.received}) == 1


def test_a_server_that_stays_away_is_an_error(fake: FakeTitan) -> None:
    fake.stop()

    with pytest.raises(ServerUnavailable, match="titan up"):
        asyncio.run(a_client(fake.port, retry_for_seconds=0).store_get("k"))

    fake.start_again()


def test_signals_can_be_awaited(fake: FakeTitan) -> None:
    told: list[str] = []

    async def use() -> None:
        async with a_client(fake.port) as client:
            await client.submit_job(a_job("planner"))
            setting = threading.Timer(0.05, fake.set_value, ("a", "1"))
            setting.start()
            await wait_for_signal(client, "a", timeout=10, job="planner")
            fake.set_value("b", "1")
            await wait_for_signals(client, ["a", "b"], on_signal=told.append)
            fake.finish("planner", "FAILED")
            with pytest.raises(SignalLost):
                await wait_for_signal(client, "c")
            setting.join()

    asyncio.run(use())
    assert told == ["a", "b"]


def test_one_client_serves_one_event_loop_after_the_other(fake: FakeTitan) -> None:
    client = a_client(fake.port)

    answers = [asyncio.run(client.store_put("k", "v")), asyncio.run(client.store_get("k"))]

    client.close()
    assert answers == ["OK", "v"]


def test_a_thousand_waits_go_on_at_once_and_few_connections_are_kept() -> None:
    async def act(holding: HoldingServer, client: AsyncTitanClient) -> None:
        waits = [asyncio.create_task(client.store_get("k")) for _ in range(AT_ONCE)]
        await holding.until(AT_ONCE)
        holding.is_released.set()

        assert set(await asyncio.gather(*waits)) == {"v"}
        await holding.until(16)

    against_a_holding_server(act)


def test_a_cancelled_call_closes_its_connection_and_leaves_nothing_behind() -> None:
    async def act(holding: HoldingServer, client: AsyncTitanClient) -> None:
        tasks_before, sockets_before = len(asyncio.all_tasks()), open_sockets()
        wait = asyncio.create_task(client.store_get("k"))
        await holding.until(1)

        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        await holding.until(0)
        await asyncio.sleep(0)

        assert (len(asyncio.all_tasks()), open_sockets()) == (tasks_before, sockets_before)

    against_a_holding_server(act)


def test_a_timeout_around_a_call_cancels_it() -> None:
    async def act(holding: HoldingServer, client: AsyncTitanClient) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.store_get("k")

        await holding.until(0)

    against_a_holding_server(act)
