"""Which addresses agents may have, and that the one that was looked at is the one that is asked."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from titan.evaluate.contract import Broken, Exchange
from titan.evaluate.external import AddressRefused, AgentClient, check_url, checked_address

PUBLIC = "93.184.216.34"


class Names:
    """A resolver that tells another address each time it is asked, as whoever owns a name can."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    async def __call__(self, _host: str) -> list[str]:
        self.asked += 1
        return [self.addresses[min(self.asked, len(self.addresses)) - 1]]


class Wire(httpx.AsyncBaseTransport):
    """Notes whom requests go to, and answers them."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b'{"final_response": "done"}'))


def asked(
    url: str, wire: Wire, times: int = 1, *, names: Names | None = None, allow_loopback: bool = False
) -> list[Exchange]:
    """Return what came of asking an agent so often."""

    async def ask() -> list[Exchange]:
        client = AgentClient(resolve=names, transport=wire)
        found = [
            await client.ask(url, {}, headers={}, within_seconds=5, allow_loopback=allow_loopback) for _ in range(times)
        ]
        await client.close()
        return found

    return asyncio.run(ask())


def test_a_name_is_resolved_once_and_that_address_is_asked() -> None:
    names, wire = Names(PUBLIC, "127.0.0.1"), Wire()

    [found] = asked("https://agent.example:8443/run", wire, names=names)

    [request] = wire.asked
    assert (found.status, names.asked) == (200, 1)
    assert str(request.url) == f"https://{PUBLIC}:8443/run"
    assert request.headers["host"] == "agent.example:8443"
    assert request.extensions["sni_hostname"] == "agent.example"
    assert request.headers["accept-encoding"] == "identity"


def test_a_name_that_leads_to_this_machine_by_the_time_it_is_asked_is_refused() -> None:
    wire = Wire()

    first, second = asked("http://agent.example/", wire, times=2, names=Names(PUBLIC, "127.0.0.1"))

    assert (first.status, second.broken, len(wire.asked)) == (200, Broken.REFUSED, 1)
    assert "allow_loopback" in second.reason


def test_of_several_addresses_each_has_to_be_allowed() -> None:
    async def both(_host: str) -> list[str]:
        return [PUBLIC, "10.0.0.1"]

    with pytest.raises(AddressRefused):
        asyncio.run(checked_address("agent.example", both, allow_loopback=False))


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.1.2.3",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
        ),
        *("::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1"),
        *("2002:7f00:1::", "2002:a9fe:a9fe::1", "::127.0.0.1", "::ffff:0:127.0.0.1", "198.18.0.1", "198.19.255.255"),
    ],
)
def test_addresses_of_this_machine_and_its_networks_are_refused(address: str) -> None:
    url = f"http://[{address}]/" if ":" in address else f"http://{address}/"

    with pytest.raises(AddressRefused):
        check_url(url, allow_loopback=False)
    [found] = asked(url, Wire())
    assert found.broken is Broken.REFUSED


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "0.0.0.0", "0.1.2.3", "100.100.100.200", "192.0.0.192", "192.0.2.1", "192.88.99.1"),
        *("198.51.100.1", "203.0.113.1", "224.0.0.251", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        *("::", "fe80::1", "fec0::1", "ff02::1", "100::1", "2001:db8::1", "2001:2::1", "3fff::1", "5f00::1"),
        *("64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "64:ff9b:1:7f00:0:100::", "::169.254.169.254"),
        *("::ffff:169.254.169.254", "::ffff:0:169.254.169.254", "::ffff:192.0.0.192", "2002:a9fe:a9fe::1"),
        *("2001:0:4136:e378:8000:63bf:80ff:fffe",),
    ],
)
def test_addresses_neither_loopback_nor_private_are_refused_even_if_those_are_allowed(address: str) -> None:
    url = f"http://[{address}]/" if ":" in address else f"http://{address}/"

    [found] = asked(url, Wire(), allow_loopback=True)

    assert found.broken is Broken.REFUSED


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "100.63.0.1", "192.0.1.1", "198.20.0.1", "2606:4700::1", "2001:4860::1"]
)
def test_addresses_of_everybody_are_asked(address: str) -> None:
    url = f"http://[{address}]/" if ":" in address else f"http://{address}/"

    [found] = asked(url, Wire())

    assert (found.broken, found.status) == (None, 200)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "::127.0.0.1", "64:ff9b::7f00:1"])
def test_networks_of_this_machine_are_asked_where_they_are_allowed(address: str) -> None:
    url = f"http://[{address}]/" if ":" in address else f"http://{address}/"

    [found] = asked(url, Wire(), allow_loopback=True)

    assert (found.broken, found.status) == (None, 200)


@pytest.mark.parametrize(
    "url", ["ftp://agent.example/", "http://", "agent.example", "http://[::1", "file:///etc/passwd"]
)
def test_an_invalid_address_is_not_requested(url: str) -> None:
    wire = Wire()

    [found] = asked(url, wire)

    assert (found.broken, wire.asked) == (Broken.CONNECT, [])
