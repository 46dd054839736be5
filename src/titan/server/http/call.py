"""One request: its body, query and headers, read strictly, with limits, and refused by name."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes

import msgspec
from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from titan.model.errors import InvalidInput, TooLarge
from titan.orchestrator.receipts import Once, once
from titan.orchestrator.submit import Submitter
from titan.ports.jobs_store import Reader, Transaction
from titan.ports.runs_store import CallReader, CallTransaction
from titan.rules import tokens
from titan.rules.names import check_project
from titan.server.app_state import AppState
from titan.server.http.access import KEY_HEADER, Caller, Sender, token_in
from titan.server.http.validation import expected_of, found_of, with_whole_days
from titan.server.lookup import given
from titan.wire.base import ScopeQuery

T = TypeVar("T")

MAX_BODY_BYTES: Final = 16 * 1024 * 1024  # the largest value, 10 MiB, with JSON's escapes
LARGE_BODY_BYTES: Final = 256 * 1024  # decoded in about a millisecond
IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
PROJECT_HEADER: Final = "x-titan-project"  # percent-encoded or not
PROJECT_FIELD: Final = "project"  # of any query, for browsers' links and sockets, which set no header
STRAY_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Json(Generic[T]):
    """An answer that is JSON already: what a `T` was written as, when it was first asked for."""

    content: bytes


@dataclass(slots=True)
class Call:
    """A request, and the server's state."""

    app: AppState
    request: Request[Any, Any, Any]
    sender: Sender
    caller: Caller
    project_id: str = ""  #: of the request; `titan.server.http.authorization.permit` sets it
    is_project_fixed: bool = False  #: whether entries that the request reports cannot name another project
    raw: bytes = b""  #: the body, of a route whose handler is given it or that takes an Idempotency-Key

    @classmethod
    def of(cls, app: AppState, request: Request[Any, Any, Any]) -> "Call":
        """Return the call of a request that the guard has let through."""
        sender: Sender = request.scope["state"]["sender"]
        return cls(app, request, sender, sender.caller)

    def path(self, name: str) -> str:
        """Return a part of the path.

        Raises:
            InvalidInput: the path is not percent-encoded UTF-8, or holds a NUL.
        """
        _checked_encoding(self.request.scope["raw_path"], "path", self.request)
        return unquote(self.request.path_params[name])

    def fix_path(self, name: str, value: str) -> None:
        """Have `path` return `value` for a part from now on."""
        # A new dict: Litestar keeps the one it gave us, and gives it to every later request of the same path.
        self.request.scope["path_params"] = {**self.request.path_params, name: quote(value, safe="")}

    def header(self, name: str) -> str | None:
        """Return a header's value; names are case-insensitive."""
        value: str | None = self.request.headers.get(name)
        return value

    def asked_project(self) -> str | None:
        """Return the project that the request names: in a header, else in the query; None where it names none.

        Raises:
            InvalidName: it can be no project's name.
        """
        said = self.header(PROJECT_HEADER)
        try:
            named = self._all_fields().get(PROJECT_FIELD) if said is None else _decoded_header(said)
        except UnicodeError:
            named = ""
        return None if named is None else self.app.recorder.known_as(check_project(named))

    @property
    def client(self) -> str:
        """The address that asks, for logs."""
        client = self.request.scope.get("client")
        return client[0] if client else "somebody"

    @property
    def is_page_encrypted(self) -> bool:
        """Whether the page that asks came by TLS: here, at a proxy on this machine, or as its browser says, anywhere.

        Only a proxy on this machine is believed its X-Forwarded-Proto. The guard let no Origin but our own through.
        """
        return self.request.scope["scheme"] == "https" or (self.header("origin") or "").startswith("https://")

    @property
    def asked(self) -> str:
        """What is asked, for messages: "GET /api/jobs"."""
        return f"{self.request.method} {self.request.scope['path']}"

    def token(self) -> str | None:
        """Return the token of an attempt, if the caller sent one; one of ours for people and workers is none."""
        token = token_in(self.header("authorization")) or self.header(KEY_HEADER)
        return token if token is not None and tokens.read(token) is None else None

    @property
    def submitter(self) -> Submitter:
        """Who submits, by this request."""
        return Submitter(project_id=self.project_id, token=self.token())

    def query(self, shape: type[T]) -> T:
        """Return the query as a value of `shape`.

        Raises:
            InvalidInput: a field is unknown, twice, of the wrong type or out of range.
        """
        fields = self.query_fields()
        try:
            return msgspec.convert(with_whole_days(fields), shape, strict=False)
        except msgspec.ValidationError as error:
            raise _unreadable("query", self.request, error, shape, fields) from error

    def scope(self) -> ScopeQuery:
        """Return what the query says of where to look, whatever else stands in it.

        Raises:
            InvalidInput: the query cannot be read, or says something twice.
        """
        fields = self.query_fields()
        return ScopeQuery(dag=fields.get("dag"), run=fields.get("run"))

    def ids(self) -> list[str]:
        """Return what the query asks for by id, whatever else stands in it.

        Raises:
            InvalidInput: the query cannot be read, or says something twice.
        """
        ids = self.query_fields().get("ids")
        return given(ids) if ids else []

    def query_fields(self) -> dict[str, str]:
        """Return the fields of the query but for the project.

        Raises:
            InvalidInput: the query cannot be read, or gives a field twice.
        """
        fields = self._all_fields()
        fields.pop(PROJECT_FIELD, None)
        return fields

    def _all_fields(self) -> dict[str, str]:
        raw = self.request.scope["query_string"]
        _checked_encoding(raw, "query", self.request)
        try:
            pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict")
            if len(dict(pairs)) != len(pairs):
                raise ValueError("a field is given twice")
        except ValueError as error:  # UnicodeDecodeError is one
            raise _unreadable("query", self.request, error) from error
        return dict(pairs)

    async def raw_body(self, limit_bytes: int = MAX_BODY_BYTES) -> bytes:
        """Return the body.

        Raises:
            TooLarge: it is longer than `limit_bytes`; reading stopped there.
        """
        return b"".join([chunk async for chunk in self.chunks_within(limit_bytes)])

    async def chunks_within(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            TooLarge: it is longer than `limit_bytes`; reading stopped there.
        """
        self.check_announced(limit_bytes)
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit_bytes:
                raise self._too_large(limit_bytes, f"at least {size} bytes")
            yield chunk

    def check_announced(self, limit_bytes: int) -> None:
        """Return unless Content-Length says that the body is too long, which then nobody needs to send.

        Raises:
            TooLarge: it says more than `limit_bytes`.
        """
        announced = self.header("content-length") or ""
        if announced.isdecimal() and int(announced) > limit_bytes:
            raise self._too_large(limit_bytes, f"{announced} bytes")

    def _too_large(self, limit_bytes: int, found: str) -> TooLarge:
        return TooLarge(
            f"body of {self.request.method} {self.request.scope['path']}",
            expected=f"at most {limit_bytes} bytes",
            found=found,
            next_step="Send less at once; files go to PUT /api/files/{name}, up to TITAN_MAX_FILE_BYTES.",
        )

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the body as it arrives."""
        return self.request.stream()

    async def decoded(self, shape: type[T]) -> T:
        """Return the JSON body as a value of `shape`; a large one is read on a thread, none at all is an empty object.

        Raises:
            InvalidInput: it is no JSON in UTF-8, or does not fit the shape.
        """
        if len(self.raw) > LARGE_BODY_BYTES:
            return await asyncio.to_thread(self.decode, self.raw, shape)
        return self.decode(self.raw or b"{}", shape)

    def decode(self, raw: bytes, shape: type[T]) -> T:
        """Return `raw` JSON as a value of `shape`; see `decoded`."""
        try:
            return msgspec.json.decode(raw, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _unreadable("body", self.request, error, shape) from error

    def mark(self, content: bytes | None = None) -> Once | None:
        """Return the request's idempotency key with what it asks for, if it has one.

        `content` stands for the body where that is not `raw`.

        Raises:
            InvalidInput: the key is not 1 to 200 visible ASCII characters.
        """
        key = self.header("idempotency-key")
        if key is None:
            return None
        if not IDEMPOTENCY_KEY.fullmatch(key):
            raise InvalidInput(
                "header Idempotency-Key",
                expected="1 to 200 visible ASCII characters",
                found=f"{len(key)} characters",
                next_step="Send a random key, one per new request.",
            )
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.request.method} {self.request.scope['path']}\n".encode())
        digest.update(self.request.scope["query_string"] + b"\n")
        digest.update(self.raw if content is None else content)
        return Once(project_id=self.project_id, key=key, fingerprint=digest.hexdigest())

    def once(self, act: Callable[[Transaction], object]) -> Callable[[Transaction], bytes]:
        """Return the decision that performs `act`, unless a repeat of this request finds it performed; it gives JSON.

        Raises:
            InvalidInput: as `mark`.
        """
        return partial(once, mark=self.mark(), act=act)

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Return what a long query of jobs finds, on a thread; `app.store.look` is for short ones."""
        return await asyncio.to_thread(self.app.store.read, query)

    async def read_runs(self, query: Callable[[CallReader], T]) -> T:
        """Return what a query of runs finds, on a thread; it sees every acknowledged DAG."""

        def read() -> T:
            self.app.run_projector.refresh()
            return self.app.calls.read(query)

        return await asyncio.to_thread(read)

    async def change_runs(self, act: Callable[[CallTransaction], T]) -> T:
        """Return what a change of runs comes to, when it is durable; it sees every acknowledged DAG."""
        await asyncio.to_thread(self.app.run_projector.refresh)
        return await asyncio.wrap_future(self.app.calls.transact(act))

    async def keep(self, act: Callable[[Transaction], T]) -> Json[T]:
        """Return what `act` comes to, once for each idempotency key, when it is durable.

        Raises:
            InvalidInput: as `mark`.
        """
        return Json(await self.app.orchestrator.keep(self.once(act)))

    async def decide(self, act: Callable[[Transaction], T]) -> Json[T]:
        """Return what `act` comes to, as `keep` does; jobs may become ready by it."""
        return Json(await self.app.orchestrator.decide(self.once(act)))

    async def while_connected(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what `work` returns, or None when the client went away first; then `work` is cancelled.

        Only after the body was read.
        """
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._disconnected())
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            gone.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _disconnected(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            continue


def _decoded_header(said: str) -> str:
    return unquote(said.encode("latin-1").decode(), errors="strict")


def _checked_encoding(raw: bytes, what: str, request: Request[Any, Any, Any]) -> None:
    """Return when `raw` can be read in one way only: servers and proxies guess differently at the rest."""
    try:
        if STRAY_PERCENT.search(raw):
            raise ValueError("a % that two hexadecimal digits do not follow")
        if "\0" in unquote_to_bytes(raw).decode():
            raise ValueError("a NUL")
    except ValueError as error:  # UnicodeDecodeError is one
        raise _unreadable(what, request, error) from error


def _unreadable(
    what: str,
    request: Request[Any, Any, Any],
    error: Exception,
    shape: Any = None,
    fields: Mapping[str, str] | None = None,
) -> InvalidInput:
    return InvalidInput(
        f"{what} of {request.method} {request.scope['path']}",
        expected=expected_of(shape, error),
        found=found_of(error, fields or {}),
        next_step="Correct it and send it again.",
    )


def routed_as_sent(app: ASGIApp) -> ASGIApp:
    """Return `app` given paths as they were sent, to choose a route by; their parts are decoded afterwards.

    An id may hold `/`, and may be a word that a route has too: `/runs/a%2Fb` is the run `a/b`, `/runs/%65xport` the run
    `export`.
    """

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        if b"%" in scope["raw_path"]:
            changed: Any = {**scope, "path": scope["raw_path"].decode("latin-1")}
            await app(changed, receive, send)
        else:
            await app(scope, receive, send)

    return routed
