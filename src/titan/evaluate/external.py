"""Call agents and tool endpoints over HTTP, at addresses that Titan may reach."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import httpx
import msgspec

from titan.evaluate.contract import MOST_RESPONSE_BYTES, Broken, Exchange
from titan.evaluate.definitions import EndpointDefinition, HttpEndpoint, McpEndpoint
from titan.model.evaluations import ToolEndpoint
from titan.model.jobs import LEAST_MASKED
from titan.ports.runs_store import CallStore
from titan.rules.redaction import marker

CONNECT_SECONDS: Final = 10.0
CONNECT_SHARE: Final = 0.9  # of a short time: who is not there at its end was not reached, and did not take too long
SHOWN_BYTES: Final = 4096  # of a body that is no answer
_PLAIN_HEADERS: Final = frozenset({"accept", "accept-language", "content-type", "host", "user-agent"})
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*written: str) -> tuple[_Network, ...]:
    return tuple(map(ipaddress.ip_network, written))


#: Networks of this machine and around it, which `allow_loopback` opens. `is_global` differs between Python's versions.
_LOCAL: Final = _networks(
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "::1/128", "fc00::/7")
)
#: Never asked, by IANA's special-purpose registries: unspecified, carriers', link-local (metadata of clouds), of
#: protocols, documentation, multicast, reserved.
_REFUSED: Final = _networks(
    *("0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20"),
)
_UNICAST: Final = ipaddress.ip_network("2000::/3")  # all of IPv6 that is global
#: IPv6 networks whose last 32 bits are an IPv4 address: compatible, mapped, translated, NAT64.
_ENDING_IN_IPV4: Final = _networks("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")


class AgentClient:
    """HTTP client for agents and endpoints. Addresses in this machine's networks are refused unless allowed.

    The address that was checked is the one that is asked, so that a name that changes meanwhile leads nowhere else.
    """

    def __init__(self, *, resolve: "Resolve | None" = None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Tests pass `resolve` and `transport` instead of the system's."""
        self._resolve = resolve or resolved
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)  # agent fields have caps of their own
        self._client = httpx.AsyncClient(follow_redirects=False, trust_env=False, limits=limits, transport=transport)

    async def ask(
        self, url: str, body: Any, *, headers: Mapping[str, str], within_seconds: float, allow_loopback: bool
    ) -> Exchange:
        """POST a JSON body and return the exchange; the time limit covers all of it."""
        try:
            async with asyncio.timeout(within_seconds):
                connect_seconds = min(CONNECT_SECONDS, CONNECT_SHARE * within_seconds)
                exchange = await self._ask(url, body, headers, allow_loopback, connect_seconds)
        except TimeoutError:
            return Exchange(broken=Broken.TIMEOUT, reason=f"no answer within {within_seconds:g} s")
        reason = without_values(exchange.reason.encode(), headers).decode()
        return replace(exchange, body=without_values(exchange.body, headers), reason=reason)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(
        self, url: str, body: Any, headers: Mapping[str, str], allow_loopback: bool, connect_seconds: float
    ) -> Exchange:
        try:
            asked = httpx.URL(url)
            if asked.scheme not in ("http", "https") or not asked.host:
                raise httpx.InvalidURL("expected http:// or https:// and a host")
        except httpx.InvalidURL as error:
            return Exchange(broken=Broken.CONNECT, reason=f"the address {url!r}: {error}")
        try:
            address = await checked_address(asked.host, self._resolve, allow_loopback=allow_loopback)
        except OSError as error:
            return Exchange(broken=Broken.CONNECT, reason=f"{asked.host}: {error.strerror or error}")
        except AddressRefused as refused:
            return Exchange(broken=Broken.REFUSED, reason=str(refused))
        host = asked.netloc.decode("ascii")
        sent = {
            "content-type": "application/json",
            "accept": "application/json",
            "accept-encoding": "identity",  # a few bytes of a compressed body become gigabytes
            **headers,
            "host": host,
        }
        request = self._client.build_request(
            "POST",
            asked.copy_with(host=address),
            content=msgspec.json.encode(body),
            headers=sent,
            timeout=httpx.Timeout(None, connect=connect_seconds),
            extensions={"sni_hostname": asked.host},
        )
        return await self._exchanged(request)

    async def _exchanged(self, request: httpx.Request) -> Exchange:
        try:
            response = await self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            is_tls = isinstance(error.__context__, ssl.SSLError) or "SSL" in str(error)
            broken = Broken.TRANSPORT if is_tls else Broken.CONNECT
            return Exchange(broken=broken, reason=str(error) or "no connection in time")
        except httpx.HTTPError as error:
            return Exchange(broken=Broken.TRANSPORT, reason=_words(error))
        try:
            body = bytearray()
            is_success = response.is_success
            async for chunk in response.aiter_raw():
                body += chunk
                if not is_success and len(body) >= SHOWN_BYTES:
                    break  # the status is enough
                if len(body) > MOST_RESPONSE_BYTES:
                    reason = f"the answer is longer than {MOST_RESPONSE_BYTES:,} bytes"
                    return Exchange(broken=Broken.TOO_LARGE, reason=reason, body=bytes(body[:SHOWN_BYTES]))
            return Exchange(status=response.status_code, body=bytes(body))
        except httpx.HTTPError as error:
            return Exchange(broken=Broken.TRANSPORT, reason=_words(error), body=bytes(body[:SHOWN_BYTES]))
        finally:
            await response.aclose()


def without_values(text: bytes, headers: Mapping[str, str]) -> bytes:
    """Return an answer without the values of the headers that were sent for it: some servers echo them."""
    for name, value in headers.items():
        if name.lower() not in _PLAIN_HEADERS and not name.lower().startswith("x-titan-"):
            for part in (value, value.rpartition(" ")[2]):  # "Bearer …", and the credential alone
                if len(part) >= LEAST_MASKED:
                    text = text.replace(part.encode(), marker("credentials").encode())
    return text


class AddressRefused(Exception):
    """Titan may not call this address."""


Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]  #: host → its addresses; OSError where it has none


async def resolved(host: str) -> list[str]:
    """Return the addresses of a host.

    Raises:
        OSError: it has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


async def checked_address(host: str, resolve: Resolve = resolved, *, allow_loopback: bool) -> str:
    """Return an address of a host that Titan may call.

    Raises:
        OSError: it has none.
        AddressRefused: it is one of this machine or of its networks, which the agent is not allowed.
    """
    addresses = await resolve(host)
    for address in addresses:
        _check_address(host, address, allow_loopback=allow_loopback)
    return addresses[0]


def check_url(url: str, *, allow_loopback: bool) -> None:
    """Check that an address may be registered; host names are checked at each call.

    Raises:
        AddressRefused: it is no HTTP address, or one of this machine or its networks, which is not allowed.
    """
    try:
        asked = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise AddressRefused(f"{url!r}: {error}") from error
    if asked.scheme not in ("http", "https") or not asked.host:
        raise AddressRefused(f"{url!r} is no address of http:// or https:// with a host")
    host = "127.0.0.1" if asked.host == "localhost" or asked.host.endswith(".localhost") else asked.host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    _check_address(asked.host, host, allow_loopback=allow_loopback)


def _check_address(host: str, address: str, *, allow_loopback: bool) -> None:
    ip = _within(ipaddress.ip_address(address.partition("%")[0]))
    if any(ip in network for network in _LOCAL):
        is_open = allow_loopback
    else:
        is_open = (ip.version == 4 or ip in _UNICAST) and not any(ip in network for network in _REFUSED)
    if is_open:
        return
    raise AddressRefused(
        f"{host} is {address}, an address of this machine or its networks; "
        "what stands there is registered with allow_loopback"
    )


def _within(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 address leads to, else the address itself."""
    if isinstance(ip, ipaddress.IPv4Address) or ip == ipaddress.IPv6Address("::1"):
        return ip
    if any(ip in network for network in _ENDING_IN_IPV4):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.sixtofour or ip


def _words(error: Exception) -> str:
    return str(error) or f"the connection broke ({type(error).__name__})"


SHOWN_CHARACTERS: Final = 300  # of an endpoint's answer, in an error

_DEFINITIONS: Final[msgspec.json.Decoder[EndpointDefinition]] = msgspec.json.Decoder(EndpointDefinition)


def endpoint_definition_of(endpoint: ToolEndpoint) -> EndpointDefinition:
    """Return an endpoint's definition."""
    return _DEFINITIONS.decode(endpoint.definition)


class ToolEndpoints:
    """Calls tools at registered endpoints: by HTTP, or at an MCP server."""

    def __init__(self, calls: CallStore) -> None:
        self._calls = calls
        self._client = AgentClient()

    async def call(
        self, project_id: str, name: str, tool: str, args: Mapping[str, Any], *, run_id: str
    ) -> tuple[Any, str | None]:
        """Return a tool's answer, or None and the failure. Endpoints of other projects are unknown."""
        if not name:
            return None, f"the tool {tool!r} is in the mode passthrough, and names no endpoint"
        found = await asyncio.to_thread(self._calls.read, lambda reader: reader.tool_endpoint(project_id, name))
        if found is None:
            return None, f"the endpoint {name!r} is not registered in the project {project_id!r}"
        definition = endpoint_definition_of(found)
        if not definition.active:
            return None, f"the endpoint {name!r} is not active"
        headers = {**definition.headers, "X-Titan-Run-Id": run_id}
        answer, failure = await self._called(msgspec.structs.replace(definition, headers=headers), tool, args)
        if isinstance(definition, McpEndpoint) and definition.headers:
            redacted = without_values(msgspec.json.encode((answer, failure)), definition.headers)
            answer, failure = msgspec.json.decode(redacted)
        return answer, None if failure is None else f"the endpoint {name!r}: {failure}"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _called(
        self, definition: EndpointDefinition, tool: str, args: Mapping[str, Any]
    ) -> tuple[Any, str | None]:
        match definition:
            case HttpEndpoint():
                exchange = await self._client.ask(
                    definition.url.replace("{tool}", quote(tool, safe="")),
                    args,
                    headers=definition.headers,
                    within_seconds=definition.timeout_s,
                    allow_loopback=definition.allow_loopback,
                )
                return read_tool_answer(exchange)
            case McpEndpoint():
                from titan.evaluate.mcp_client import call_tool  # the SDK takes half a second to import

                return await call_tool(definition, tool, args)


def read_tool_answer(exchange: Exchange) -> tuple[Any, str | None]:
    """Return an HTTP endpoint's answer, JSON or text, or None and the failure."""
    if exchange.broken is not None:
        return None, exchange.reason
    status = exchange.status or 0
    text = exchange.body.decode(errors="replace")
    if not 200 <= status < 300:
        redirects = " (a redirect, which is not followed)" if 300 <= status < 400 else ""
        return None, f"it answered {status}{redirects}: {text[:SHOWN_CHARACTERS]}"
    if not text.strip():
        return None, None
    try:
        return msgspec.json.decode(exchange.body), None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text, None
