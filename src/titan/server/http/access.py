"""Authentication: turns a request's token or cookie into a caller, and refuses foreign hosts and origins.

A server that only this machine can reach needs no token; one that other machines can reach, or that is configured
so, needs one with every request. `titan.rules.access` lists the permissions of each role.

A browser signs in with a token once and gets an HttpOnly cookie. The cookie holds a secret of its own; the store has
its hash and the token's id, so a sign-in outlives a restart, is known to every server of a database, and ends with its
token. Failed attempts are not rate-limited: a token has 256 random bits, and strangers could use up any limit.
"""

import logging
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from titan import tokens as token_decisions
from titan.model.attempts import Attempt
from titan.model.errors import Forbidden, InvalidInput, TitanError, Unauthorized
from titan.model.projects import ORGANISATION, organisation_of, reach_of
from titan.model.tokens import Role, Token
from titan.model.workers import Worker
from titan.ports.jobs_store import Reader
from titan.rules import tokens
from titan.rules.access import Permission, may
from titan.rules.names import shown
from titan.server.app_state import Access, AppState
from titan.server.http.connections import LimitedLog
from titan.server.http.console import Console, send_page
from titan.server.http.responses import on_titan_error

logger = logging.getLogger(__name__)

LOGGED_EVERY_SECONDS: Final = 1.0  # so that thousands of failed attempts do not fill the disk
MOST_BOUND: Final = 10_000  # remembered pairs, also of workers that have ended
TOKEN_SCHEMES: Final = frozenset({"bearer", "apikey"})  # ApiKey: agentsentinel-sdk
KEY_HEADER: Final = "x-api-key"  # holds a token without a scheme
COOKIE: Final = "titan_session"
SESSION_PATH: Final = "/api/session"  # answered without a token even if one is required
PROBES: Final = frozenset({"/healthz", "/readyz"})  # answered whoever asks, with any token or none
WORLD_PATHS: Final = "/api/world/"  # needs the token of an agent run, which its routes check
_HOW_TO_GET_ONE: Final = (
    "Make one where the server runs, `titan tokens create NAME`, and set TITAN_TOKEN to it"
    " or send it as `Authorization: Bearer …`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The sender of a request, as authenticated."""

    role: Role | None  #: None: unknown; may only sign in
    name: str  #: for messages and logs: "token 'laptop'", "a job"
    token: Token | None = None  #: the token that was sent, or used to sign in
    is_signed_in: bool = False  #: by the cookie of a browser
    attempt: Attempt | None = None  #: of a job, while it runs
    has_ended: bool = False  #: a job whose attempt has ended or never existed

    @property
    def project_id(self) -> str | None:
        """The only project that the caller can access; None: any project that a request names."""
        if self.attempt is not None:
            return self.attempt.project_id
        return None if self.token is None else self.token.project_id

    @property
    def organisation_id(self) -> str:
        """The caller's organisation."""
        if self.attempt is not None:
            return organisation_of(self.attempt.project_id)
        return ORGANISATION if self.token is None else self.token.organisation_id

    @property
    def is_of_the_server(self) -> bool:
        """Whether the caller may access the server itself: it has no project, and is of the local organisation."""
        return self.project_id is None and self.organisation_id == ORGANISATION

    def owns(self, project_id: str) -> bool:
        """Return whether the caller may access this project."""
        return self.project_id in (None, project_id) and organisation_of(project_id) == self.organisation_id

    @property
    def reach(self) -> str:
        """What the caller may access of the projects; see `reach_of`."""
        return reach_of(self.organisation_id, self.project_id)

    def may(self, permission: Permission) -> bool:
        """Return whether the caller's role, or its key's scopes, include a permission."""
        scopes = () if self.token is None else self.token.scopes or ()
        return may(self.role, permission, scopes=scopes)


ANONYMOUS: Final = Caller(role=Role.ADMIN, name="somebody without a token")
UNAUTHENTICATED: Final = Caller(role=None, name="somebody who is not signed in")
ENDED_JOB: Final = Caller(role=Role.JOB, name="a job whose attempt is over", has_ended=True)


@dataclass(slots=True)
class Authenticator:
    """Authenticates requests by token or cookie."""

    app: AppState
    always_asks: bool = False  #: for a token, also where the server needs none
    _log: LimitedLog = field(default_factory=lambda: LimitedLog(logger, every_seconds=LOGGED_EVERY_SECONDS))
    _noted: dict[str, float] = field(default_factory=dict)
    _bound: set[tuple[str, str | None]] = field(default_factory=set)  #: worker and token that belong together

    @property
    def access(self) -> Access:
        """The access settings that hold for the requests that it authenticates."""
        return replace(self.app.access, requires_token=True) if self.always_asks else self.app.access

    async def identify(self, bearer: str | None, cookie: str | None = None) -> Caller:
        """Return the caller with this bearer token, else the one signed in with this cookie.

        Raises:
            Unauthorized: none was sent and one is required, or it is unknown, expired or revoked.
        """
        is_needed = self.access.requires_token
        if bearer is None and cookie is not None:
            return await self._signed_in(cookie)
        if bearer is None:
            if is_needed:
                raise _unauthorized("none", _HOW_TO_GET_ONE)
            return ANONYMOUS
        shown_token = tokens.read(bearer)
        if shown_token is not None:
            return await self._holder(shown_token)
        attempt = await self.app.store.look(lambda reader: reader.live_attempt_by_token(bearer))
        if attempt is not None:
            return Caller(role=Role.JOB, name=f"job {attempt.job_id}", attempt=attempt)
        if is_needed:
            raise _no_attempt()
        # OpenAI's clients always send some key, so a token of a foreign form is ignored.
        return ENDED_JOB if tokens.is_an_attempts(bearer) else ANONYMOUS

    async def sign_in(self, text: str, *, client: str) -> Caller:
        """Return the caller that signs in with this token; failed attempts are logged.

        Raises:
            Unauthorized: it is not a token of this server, or unknown, expired or revoked.
        """
        shown_token = tokens.read(text.strip())
        try:
            if shown_token is None:
                raise _unauthorized("one that this server did not make", _HOW_TO_GET_ONE)
            if (caller := await self._holder(shown_token)).role is Role.KEY:
                raise _unauthorized("a key, which is for programs", "Sign in with a token of a person's role.")
            return replace(caller, is_signed_in=True)
        except Unauthorized as error:
            self.note_failure(error, client=client, asked="to sign in")
            raise

    async def check_worker(self, caller: Caller, worker_id: str, *, is_known: bool = False) -> None:
        """Check that the caller may act as this worker; `is_known` refuses workers that are not registered.

        Raises:
            Forbidden: the worker belongs to another token.
        """
        shown_token = caller.token
        pair = (worker_id, None if shown_token is None else shown_token.id)
        if pair in self._bound:
            return

        def look(reader: Reader) -> tuple[Worker | None, Token | None]:
            worker = reader.worker(worker_id)
            bound_id = None if worker is None else worker.token_id
            return worker, None if bound_id is None else reader.token(bound_id)

        worker, bound = await self.app.store.look(look)
        if worker is None and not is_known:
            return
        if worker is None or not tokens.may_act_as(worker, bound, shown_token, now=self.app.clock.now()):
            raise Forbidden(
                caller.name,
                expected="the token that the worker registered with",
                found=f"another one, for worker {shown(worker_id)}",
                next_step="A worker shows the same token for as long as it lives.",
            )
        if len(self._bound) >= MOST_BOUND:
            self._bound.clear()
        self._bound.add(pair)

    def without_token(self) -> Caller:
        """Return the caller of a request without a token."""
        return UNAUTHENTICATED if self.access.requires_token else ANONYMOUS

    def note_failure(self, error: Unauthorized, *, client: str, asked: str) -> None:
        """Log a failed authentication, without the token."""
        self._log.note(f"turned away: {client} asked {asked} with {error.found}")

    async def _holder(self, shown_token: tokens.Shown) -> Caller:
        token = await self.app.store.look(lambda reader: reader.token(shown_token.id))
        if token is None or not tokens.fits(token, shown_token.secret):
            raise _unauthorized("one that this server does not know", _HOW_TO_GET_ONE)
        over = tokens.why_over(token, now=self.app.clock.now())
        if over is not None:
            raise _unauthorized(over, _HOW_TO_GET_ONE)
        self._note_use(token)
        return Caller(role=token.role, name=f"token {shown(token.name)}", token=token)

    async def _signed_in(self, cookie: str) -> Caller:
        now = self.app.clock.now()
        token = await self.app.store.look(lambda reader: token_decisions.signed_in_token(reader, cookie, now=now))
        if token is not None:
            self._note_use(token)
            return Caller(role=token.role, name=f"token {shown(token.name)}", token=token, is_signed_in=True)
        if self.access.requires_token:
            raise _unauthorized("a sign-in that has ended", "Sign in again, with a token.")
        return ANONYMOUS  # perhaps of another Titan on this machine: browsers share cookies between ports

    def _note_use(self, token: Token) -> None:
        """Store the time of use in the background, at most once a minute."""
        now = self.app.clock.now()
        if not token_decisions.is_note_due(token, now=now):
            return
        if now.timestamp() - self._noted.get(token.id, 0.0) < token_decisions.USE_NOTED_EVERY.total_seconds():
            return  # another request is storing it
        self._noted[token.id] = now.timestamp()
        note = partial(token_decisions.note_use, token_id=token.id)
        self.app.orchestrator.background(self.app.orchestrator.keep(note))


@dataclass(frozen=True, slots=True)
class Sender:
    """The caller of a request, and the credentials that it sent."""

    caller: Caller
    authenticator: Authenticator
    bearer: str | None
    cookie: str | None

    async def is_still_valid(self) -> bool:
        """Return whether the credentials are still accepted: checked again and again while an answer goes on."""
        try:
            return not (await self.authenticator.identify(self.bearer, self.cookie)).has_ended
        except Unauthorized:
            return False


def token_in(authorization: str | None) -> str | None:
    """Return the token in an Authorization header of scheme Bearer, ApiKey or Basic.

    With `Basic` it is the password, whatever the user name: Langfuse's clients send their secret key so.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() == "basic":
        return _password_in(token.strip()) or None
    return token.strip() or None if scheme.lower() in TOKEN_SCHEMES else None


def _password_in(credentials: str) -> str:
    """Return the password in Basic credentials (RFC 7617); "" when they are malformed."""
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:  # of base64, and of UTF-8
        return ""


def _no_attempt() -> Unauthorized:
    return _unauthorized(
        "one that is neither a token of this server nor that of a running attempt",
        "A job's token is good while its attempt runs; elsewhere, " + _HOW_TO_GET_ONE[0].lower() + _HOW_TO_GET_ONE[1:],
    )


def ended_attempt() -> Unauthorized:
    """Return the error for a job whose attempt has ended."""
    return _unauthorized(
        "one of an attempt that has ended, or was never",
        "The attempt was ended or lost, and its job may run again elsewhere: end this process.",
    )


def _unauthorized(found: str, next_step: str) -> Unauthorized:
    return Unauthorized(
        "the request's token", expected="one that this server accepts", found=found, next_step=next_step
    )


def cookie_of(headers: Mapping[bytes, str]) -> str | None:
    """Return the session cookie of a request."""
    for part in headers.get(b"cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value or None
    return None


def set_cookie(secret: str, lasts: timedelta, *, is_encrypted: bool) -> str:
    """Return the Set-Cookie header of a session."""
    secure = "; Secure" if is_encrypted else ""
    return f"{COOKIE}={secret}; Path=/; Max-Age={int(lasts.total_seconds())}; HttpOnly; SameSite=Strict{secure}"


# --- the guard in front of the application ---

LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
STREAM_PROTOCOL: Final = "titan"  # a page offers it followed by its token; the server selects it
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
HOST: Final = re.compile(rb"(?:[\w.~%!$&'()*+,;=-]*|\[[0-9a-fA-F:.]+\])(?::[0-9]*)?")  # RFC 9110, 7.2


def host_in(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the Host header; None if there is none.

    Raises:
        InvalidInput: there are two, or it is not HOST or HOST:PORT; servers and proxies interpret those differently
            (RFC 9112, 3.2).
    """
    hosts = [value for name, value in headers if name == b"host"]
    if not hosts:
        return None
    if len(hosts) == 1 and HOST.fullmatch(hosts[0]):
        return hosts[0].decode("ascii")
    raise InvalidInput(
        "header Host",
        expected="one, of the form HOST or HOST:PORT",
        found=ascii(b", ".join(hosts)[:200].decode("latin-1")),
        next_step="Correct it and send the request again.",
    )


def check_origin(method: str, host: str | None, origin: str | None, access: Access) -> None:
    """Check the headers Host and Origin; `method` is "WEBSOCKET" for a handshake.

    Without tokens, a foreign Host is refused: a foreign name may have been made to point here (DNS rebinding), and then
    any page could read. With tokens any Host is accepted: a page under a foreign name has no token to send. A foreign
    Origin on a change or a socket is always refused: another page acts in the user's name.

    Raises:
        Forbidden: naming the header.
    """
    if not access.requires_token and hostname_of(f"//{host}") not in LOCAL_HOSTS | access.hosts:
        raise Forbidden(
            "header Host",
            expected=", ".join(("127.0.0.1, localhost or [::1]", *sorted(access.hosts))) + ", with any port",
            found=ascii(host or "none"),
            next_step="Use one of these names in the URL, or start the server with --allow-host NAME.",
        )
    if origin is None or method in SAFE_METHODS or _is_same(origin, host) or _is_allowed(origin, access):
        return
    raise Forbidden(
        "header Origin",
        expected=f"http://{host}, or none",
        found=ascii(origin),
        next_step="Only this server's own pages may change things; behind a proxy, start it with --allow-host NAME.",
    )


def check_origin_of_page(method: str, origin: str | None) -> None:
    """Check that a signed-in browser names its page in the Origin header when it changes something.

    `check_origin` has checked its value.

    Raises:
        Forbidden: there is none; browsers send it with every change and handshake, so another program has the cookie.
    """
    if origin is None and method not in SAFE_METHODS:
        raise Forbidden(
            "header Origin",
            expected="the page that asks, with what a sign-in is shown for",
            found="none",
            next_step="A program sends its token as `Authorization: Bearer …`.",
        )


def hostname_of(url: str) -> str | None:
    """Return the host name in a URL, without port and brackets; None if there is none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def bearer_of(headers: Mapping[bytes, str]) -> str | None:
    """Return the token in a request's headers."""
    return token_in(headers.get(b"authorization")) or headers.get(KEY_HEADER.encode())


def offered(subprotocols: str | None) -> list[str]:
    """Return the subprotocols that a handshake offers (RFC 6455, 11.3.4)."""
    return [part.strip() for part in (subprotocols or "").split(",") if part.strip()]


def _bearer(scope: Scope, headers: Mapping[bytes, str]) -> str | None:
    """Return the token of a request; a page's handshake has it in the subprotocol or the query."""
    bearer = bearer_of(headers)
    if bearer is not None or scope["type"] == ScopeType.HTTP:
        return bearer
    protocol, *rest = offered(headers.get(b"sec-websocket-protocol")) or [""]
    if protocol == STREAM_PROTOCOL and rest:
        return rest[0]
    return dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("token")


def with_token(app: ASGIApp) -> ASGIApp:
    """Return a guarded `app` that needs a token with every request, whatever the server was started with."""

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["needs_token"] = True
        await app(scope, receive, send)

    return ask


def guarded(app: ASGIApp, authenticator: Authenticator, console: Console) -> ASGIApp:
    """Return `app` behind the checks of host, origin and token.

    The files of `console` need no token: the sign-in is one of its pages.
    """

    asking = Authenticator(authenticator.app, always_asks=True)

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        await check(scope, receive, send, asking if scope.get("state", {}).get("needs_token") else authenticator)

    async def check(scope: Scope, receive: Receive, send: Send, authenticator: Authenticator) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        method = _method(scope)
        try:
            check_origin(method, host_in(scope["headers"]), headers.get(b"origin"), authenticator.access)
            if method in ("GET", "HEAD") and (page := console.answer(scope["path"], headers)) is not None:
                await send_page(page, method, send)
                return
            shown = _bearer(scope, headers), cookie_of(headers)
            caller = await _caller(authenticator, scope, *shown)
            _note_authorized(scope, caller)
            if caller.is_signed_in:
                check_origin_of_page(method, headers.get(b"origin"))
        except TitanError as error:
            if isinstance(error, Unauthorized):
                authenticator.note_failure(error, client=_client(scope), asked=_asked(scope))
            await send_refusal(error, scope, receive, send)
            return
        scope.setdefault("state", {})["sender"] = Sender(caller, authenticator, *shown)
        await app(scope, receive, send)

    return guard


async def _caller(authenticator: Authenticator, scope: Scope, bearer: str | None, cookie: str | None) -> Caller:
    if scope["path"] in PROBES or scope["path"].startswith(WORLD_PATHS):
        return UNAUTHENTICATED
    try:
        return await authenticator.identify(bearer, cookie)
    except Unauthorized as error:
        if scope["path"] != SESSION_PATH:
            raise
        if bearer is not None:  # a wrong token was sent where none is required
            authenticator.note_failure(error, client=_client(scope), asked=_asked(scope))
        return UNAUTHENTICATED


def _note_authorized(scope: Scope, caller: Caller) -> None:
    """Mark the connection as authorized, so that those of strangers are closed before it to make room."""
    authorize = scope.get("state", {}).get("authorize")
    if authorize is not None and caller.role is not None:
        token = caller.token.id if caller.token is not None else ""
        authorize(caller.attempt.lease_id if caller.attempt is not None else token)


async def send_refusal(error: TitanError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with an error; on a socket before its handshake is accepted."""

    async def send_denial(message: Any) -> None:
        denial: Any = {**message, "type": f"websocket.{message['type']}"}
        await send(denial)

    request = Request[Any, Any, Any](scope) if scope["type"] == ScopeType.HTTP else handshake(scope)
    answer = on_titan_error(request, error).to_asgi_response(app=None, request=request)
    await answer(scope, receive, send if scope["type"] == ScopeType.HTTP else send_denial)


def handshake(scope: Scope) -> Request[Any, Any, Any]:
    """Return a socket's handshake as a GET request (RFC 6455, 4.1)."""
    return Request({**scope, "type": ScopeType.HTTP, "method": "GET"})  # type: ignore[arg-type]


def _is_same(origin: str, host: str | None) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc == host


def _is_allowed(origin: str, access: Access) -> bool:
    return origin.startswith(("http://", "https://")) and hostname_of(origin) in access.hosts


def _method(scope: Scope) -> str:
    return scope["method"] if scope["type"] == ScopeType.HTTP else "WEBSOCKET"


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "somebody"


def _asked(scope: Scope) -> str:
    return f"{_method(scope)} {ascii(scope['path'])[:200]}"
