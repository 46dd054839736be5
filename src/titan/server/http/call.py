"""One request as handlers see it: strictly parsed path, query, headers and body; and access to the stores."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes

import msgspec
from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from titan.model.errors import InvalidInput, TooLarge
from titan.model.expectations import expected_of, found_of
from titan.orchestrator.receipts import Once, once
from titan.orchestrator.submit import Submitter
from titan.ports.jobs_store import Reader, Transaction
from titan.ports.runs_store import CallReader, CallTransaction
from titan.rules import tokens
from titan.rules.names import check_project
from titan.server.app_state import AppState
from titan.server.http.access import KEY_HEADER, Caller, Sender, token_in
from titan.server.http.validation import with_whole_days
from titan.server.lookup import parse_ids
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
    """An answer that is already encoded: a `T` as JSON, perhaps from the receipt of an earlier request."""

    content: bytes


@dataclass(slots=True)
class Call:
    """A request, its caller and project, and the server's state."""

    app: AppState
    request: Request[Any, Any, Any]
    sender: Sender
    caller: Caller
    project_id: str = ""  #: set by `titan.server.http.authorization.permit`
    is_project_fixed: bool = False  #: whether recorded entries cannot name another project
    raw: bytes = b""  #: the body, if the handler takes it or the route takes an Idempotency-Key

    @classmethod
    def of(cls, app: AppState, request: Request[Any, Any, Any]) -> "Call":
        """Return the call of a request that the guard has authenticated."""
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
        """Set the value that `path` returns for a part from now on."""
        # A new dict: Litestar reuses the one it passed for later requests of the same path.
        self.request.scope["path_params"] = {**self.request.path_params, name: quote(value, safe="")}

    def header(self, name: str) -> str | None:
        """Return a header's value; names are case-insensitive."""
        value: str | None = self.request.headers.get(name)
        return value

    def asked_project(self) -> str | None:
        """Return the project named in a header, else in the query; None if there is none.

        Raises:
            InvalidName: it is not a valid project name.
        """
        said = self.header(PROJECT_HEADER)
        try:
            named = self._all_fields().get(PROJECT_FIELD) if said is None else _decoded_header(said)
        except UnicodeError:
            named = ""
        return None if named is None else self.app.recorder.known_as(check_project(named))

    @property
    def client(self) -> str:
        """The client's address, for logs."""
        client = self.request.scope.get("client")
        return client[0] if client else "somebody"

    @property
    def is_page_encrypted(self) -> bool:
        """Whether the requesting page was loaded by TLS, from this server or a proxy in front of it.

        X-Forwarded-Proto is trusted only from a proxy on this machine. The guard has refused foreign origins.
        """
        return self.request.scope["scheme"] == "https" or (self.header("origin") or "").startswith("https://")

    @property
    def asked(self) -> str:
        """Method and path, for messages: "GET /api/jobs"."""
        return f"{self.request.method} {self.request.scope['path']}"

    def token(self) -> str | None:
        """Return the attempt token that the caller sent; None for tokens of people and workers."""
        token = token_in(self.header("authorization")) or self.header(KEY_HEADER)
        return token if token is not None and tokens.read(token) is None else None

    @property
    def submitter(self) -> Submitter:
        """The submitter of what this request submits."""
        cipher = self.app.orchestrator.cipher
        return Submitter(project_id=self.project_id, token=self.token(), cipher=cipher)

    def query(self, shape: type[T]) -> T:
        """Return the query converted to `shape`.

        Raises:
            InvalidInput: a field is unknown, repeated, of the wrong type or out of range.
        """
        fields = self.query_fields()
        try:
            return msgspec.convert(with_whole_days(fields), shape, strict=False)
        except msgspec.ValidationError as error:
            raise _unreadable("query", self.request, error, shape, fields) from error

    def scope(self) -> ScopeQuery:
        """Return the DAG and run named in the query, ignoring its other fields.

        Raises:
            InvalidInput: the query cannot be parsed, or repeats a field.
        """
        fields = self.query_fields()
        return ScopeQuery(dag=fields.get("dag"), run=fields.get("run"))

    def ids(self) -> list[str]:
        """Return the field `ids` of the query, ignoring its other fields.

        Raises:
            InvalidInput: the query cannot be parsed, or repeats a field.
        """
        ids = self.query_fields().get("ids")
        return parse_ids(ids) if ids else []

    def query_fields(self) -> dict[str, str]:
        """Return the fields of the query except the project.

        Raises:
            InvalidInput: the query cannot be parsed, or repeats a field.
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
        """Check Content-Length, so that a body that is too long is refused before it is sent.

        Raises:
            TooLarge: it is more than `limit_bytes`.
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
        """Return the JSON body converted to `shape`; a large one is decoded on a thread, an empty one means `{}`.

        Raises:
            InvalidInput: it is not JSON in UTF-8, or does not fit the shape.
        """
        if len(self.raw) > LARGE_BODY_BYTES:
            return await asyncio.to_thread(self.decode, self.raw, shape)
        return self.decode(self.raw or b"{}", shape)

    def decode(self, raw: bytes, shape: type[T]) -> T:
        """Return `raw` JSON converted to `shape`; see `decoded`."""
        try:
            return msgspec.json.decode(raw, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _unreadable("body", self.request, error, shape, _plain(raw)) from error

    def mark(self, content: bytes | None = None) -> Once | None:
        """Return the request's idempotency key with a fingerprint of the request; None without a key.

        `content` replaces `raw` in the fingerprint.

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
        """Return a transaction that performs `act` once for each idempotency key and returns its answer as JSON.

        Raises:
            InvalidInput: as `mark`.
        """
        return partial(once, mark=self.mark(), act=act)

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run a long query of the jobs store on a thread; `app.store.look` is for short ones."""
        return await asyncio.to_thread(self.app.store.read, query)

    async def read_runs(self, query: Callable[[CallReader], T]) -> T:
        """Run a query of the runs store on a thread; it sees every acknowledged DAG."""

        def read() -> T:
            self.app.run_projector.refresh()
            return self.app.calls.read(query)

        return await asyncio.to_thread(read)

    async def change_runs(self, act: Callable[[CallTransaction], T]) -> T:
        """Run a transaction of the runs store, durably; it sees every acknowledged DAG."""
        await asyncio.to_thread(self.app.run_projector.refresh)
        return await asyncio.wrap_future(self.app.calls.transact(act))

    async def keep(self, act: Callable[[Transaction], T]) -> Json[T]:
        """Run a transaction once for each idempotency key, and return its answer when it is durable.

        Raises:
            InvalidInput: as `mark`.
        """
        return Json(await self.app.orchestrator.keep(self.once(act)))

    async def decide(self, act: Callable[[Transaction], T]) -> Json[T]:
        """Run a transaction as `keep` does, one by which jobs may become ready."""
        return Json(await self.app.orchestrator.decide(self.once(act)))

    async def while_connected(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return the result of `work`; if the client disconnects first, cancel it and return None.

        To be called after the body was read.
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
    """Check that percent-encoding is valid UTF-8 without NUL; servers and proxies interpret the rest differently."""
    try:
        if STRAY_PERCENT.search(raw):
            raise ValueError("a % that two hexadecimal digits do not follow")
        if "\0" in unquote_to_bytes(raw).decode():
            raise ValueError("a NUL")
    except ValueError as error:  # UnicodeDecodeError is one
        raise _unreadable(what, request, error) from error


def _plain(raw: bytes) -> Any:
    """Return the value of a body, UNSET where it is no JSON behind the first misfit, which msgspec did not read."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.UNSET


def _unreadable(
    what: str,
    request: Request[Any, Any, Any],
    error: Exception,
    shape: Any = None,
    given: Any = None,
) -> InvalidInput:
    return InvalidInput(
        f"{what} of {request.method} {request.scope['path']}",
        expected=expected_of(shape, error, given),
        found=found_of(error, shape, given),
        next_step="Correct it and send it again.",
    )


def routed_as_sent(app: ASGIApp) -> ASGIApp:
    """Return `app` with routing by the raw path; path parts are decoded afterwards.

    So an id may hold `/`, or equal a word of another route: `/runs/a%2Fb` is the run `a/b`, `/runs/%65xport` the run
    `export`.
    """

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        if b"%" in scope["raw_path"]:
            changed: Any = {**scope, "path": scope["raw_path"].decode("latin-1")}
            await app(changed, receive, send)
        else:
            await app(scope, receive, send)

    return routed
