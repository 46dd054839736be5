"""Who asks, and whether that one may: the one place where a request's token becomes a caller, and a caller is let in.

A server that only this machine can reach needs no token; one that others can reach, or that was told so, needs one
with every request. What a caller may do says `titan.rules.access`.

A browser signs in: one token shown once, and a cookie that no script can read from then on. The cookie holds a secret
of its own, of which the store keeps the hash beside the token's id: so a sign-in outlives a restart, is known to every
server of a database, and ends at the very request after its token is revoked or expires. Nobody guesses the 256 bits of
a token, so nobody is slowed down: a limit that strangers can use up would keep out who has a token, and the header
`Authorization` can be tried as often.
"""

import logging
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final

from titan.engine import tokens as engine_tokens
from titan.model.attempts import Attempt
from titan.model.errors import Forbidden, Unauthorized
from titan.model.tokens import Role, Token
from titan.model.workers import Worker
from titan.ports import Reader
from titan.rules import tokens
from titan.rules.names import shown
from titan.server.house import House
from titan.server.limited_log import LimitedLog

logger = logging.getLogger(__name__)

LOGGED_EVERY_SECONDS: Final = 1.0  # whoever tries tokens by the thousand fills no disk with it
MOST_BOUND: Final = 10_000  # pairs that are remembered; a worker that ended is one of them
TOKEN_SCHEMES: Final = frozenset(
    {"bearer", "apikey"}
)  # the second: agentsentinel-sdk, always up to 0.2, at times since
COOKIE: Final = "titan_session"
SESSION_PATH: Final = "/api/session"  # the one path that is answered without a token where one is needed
_HOW_TO_GET_ONE: Final = (
    "Make one where the server runs, `titan token create NAME`, and set TITAN_TOKEN to it"
    " or send it as `Authorization: Bearer …`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks."""

    role: Role | None  #: None: nobody knows; that one may sign in, and nothing else
    name: str  #: for messages and logs: "token 'laptop'", "a job"
    token: Token | None = None  #: the token that was shown, or signed in with
    is_signed_in: bool = False  #: a browser, by its cookie
    attempt: Attempt | None = None  #: of a job, while it runs
    is_over: bool = False  #: a job whose attempt has ended, or that never was

    @property
    def project_id(self) -> str | None:
        """The one project that the caller sees and changes; None: whichever a request names."""
        if self.attempt is not None:
            return self.attempt.project_id
        return None if self.token is None else self.token.project_id


ANYBODY_HERE: Final = Caller(role=Role.ADMIN, name="somebody without a token")
STRANGER: Final = Caller(role=None, name="somebody who is not signed in")
_OVER: Final = Caller(role=Role.JOB, name="a job whose attempt is over", is_over=True)


@dataclass(slots=True)
class Door:
    """Looks at the token of every request."""

    house: House
    _log: LimitedLog = field(default_factory=lambda: LimitedLog(logger, every_seconds=LOGGED_EVERY_SECONDS))
    _noted: dict[str, float] = field(default_factory=dict)
    _bound: set[tuple[str, str | None]] = field(default_factory=set)  #: worker and token that belong together

    async def identify(self, bearer: str | None, cookie: str | None = None) -> Caller:
        """Return who sent this token, or without one who was signed in and shows this cookie.

        Raises:
            Unauthorized: none was sent and one is needed; or it is unknown, expired or revoked.
        """
        is_needed = self.house.access.requires_token
        if bearer is None and cookie is not None:
            return await self._signed_in(cookie)
        if bearer is None:
            if is_needed:
                raise _unauthorized("none", _HOW_TO_GET_ONE)
            return ANYBODY_HERE
        shown_token = tokens.read(bearer)
        if shown_token is not None:
            return await self._holder(shown_token)
        attempt = await self.house.store.look(lambda reader: reader.live_attempt_by_token(bearer))
        if attempt is not None:
            return Caller(role=Role.JOB, name=f"job {attempt.job_id}", attempt=attempt)
        if is_needed:
            raise _no_attempt()
        # OpenAI's clients cannot do without some key, so what has no form of ours says nothing about who asks.
        return _OVER if tokens.is_an_attempts(bearer) else ANYBODY_HERE

    async def sign_in(self, text: str, *, client: str) -> Caller:
        """Return who a browser is whose person shows this token; attempts that fail are logged.

        Raises:
            Unauthorized: it is none of ours, unknown, expired or revoked.
        """
        shown_token = tokens.read(text.strip())
        try:
            if shown_token is None:
                raise _unauthorized("one that this server did not make", _HOW_TO_GET_ONE)
            return replace(await self._holder(shown_token), is_signed_in=True)
        except Unauthorized as error:
            self.note_failure(error, client=client, asked="to sign in")
            raise

    async def check_worker(self, caller: Caller, worker_id: str, *, is_known: bool = False) -> None:
        """Return when the caller may act as this worker, or, unless it must be known, as one that is not registered.

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

        worker, bound = await self.house.store.look(look)
        if worker is None and not is_known:
            return
        if worker is None or not tokens.may_act_as(worker, bound, shown_token, now=self.house.clock.now()):
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
        """Return who somebody is that shows nothing."""
        return STRANGER if self.house.access.requires_token else ANYBODY_HERE

    async def is_still_good(self, bearer: str | None, cookie: str | None = None) -> bool:
        """Return whether what was good is so still: asked again and again while an answer goes on."""
        try:
            return not (await self.identify(bearer, cookie)).is_over
        except Unauthorized:
            return False

    def note_failure(self, error: Unauthorized, *, client: str, asked: str) -> None:
        """Log that somebody was turned away; never the token."""
        self._log.note(f"turned away: {client} asked {asked} with {error.found}")

    async def _holder(self, shown_token: tokens.Shown) -> Caller:
        token = await self.house.store.look(lambda reader: reader.token(shown_token.id))
        if token is None or not tokens.fits(token, shown_token.secret):
            raise _unauthorized("one that this server does not know", _HOW_TO_GET_ONE)
        over = tokens.why_over(token, now=self.house.clock.now())
        if over is not None:
            raise _unauthorized(over, _HOW_TO_GET_ONE)
        self._note_use(token)
        return Caller(role=token.role, name=f"token {shown(token.name)}", token=token)

    async def _signed_in(self, cookie: str) -> Caller:
        now = self.house.clock.now()
        token = await self.house.store.look(lambda reader: engine_tokens.signed_in_token(reader, cookie, now=now))
        if token is not None:
            self._note_use(token)
            return Caller(role=token.role, name=f"token {shown(token.name)}", token=token, is_signed_in=True)
        if self.house.access.requires_token:
            raise _unauthorized("a sign-in that has ended", "Sign in again, with a token.")
        return ANYBODY_HERE  # a cookie of another Titan on this machine: browsers do not tell ports apart

    def _note_use(self, token: Token) -> None:
        """Have the use written down, in the background and at most once a minute."""
        now = self.house.clock.now()
        if not engine_tokens.is_note_due(token, now=now):
            return
        if now.timestamp() - self._noted.get(token.id, 0.0) < engine_tokens.USE_NOTED_EVERY.total_seconds():
            return  # another request has it written just now
        self._noted[token.id] = now.timestamp()
        note = partial(engine_tokens.note_use, token_id=token.id)
        self.house.orchestrator.background(self.house.orchestrator.keep(note))


def token_in(authorization: str | None) -> str | None:
    """Return the token in the value of an Authorization header; `Bearer` and `ApiKey` mean the same.

    With `Basic` it is the password, whatever the user is: so Langfuse's clients send their secret key.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() == "basic":
        return _password_in(token.strip()) or None
    return token.strip() or None if scheme.lower() in TOKEN_SCHEMES else None


def _password_in(credentials: str) -> str:
    """Return the password of RFC 7617's credentials; "" when they are none."""
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
    """Return the refusal of a job that speaks after its attempt has ended."""
    return _unauthorized(
        "one of an attempt that has ended, or was never",
        "The attempt was ended or lost, and its job may run again elsewhere: end this process.",
    )


def _unauthorized(found: str, next_step: str) -> Unauthorized:
    return Unauthorized(
        "the request's token", expected="one that this server accepts", found=found, next_step=next_step
    )


def cookie_of(headers: Mapping[bytes, str]) -> str | None:
    """Return what a browser that is signed in shows."""
    for part in headers.get(b"cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value or None
    return None


def set_cookie(secret: str, lasts: timedelta, *, is_encrypted: bool) -> str:
    """Return the header that has a browser show `secret` to this server alone, and to no script."""
    secure = "; Secure" if is_encrypted else ""
    return f"{COOKIE}={secret}; Path=/; Max-Age={int(lasts.total_seconds())}; HttpOnly; SameSite=Strict{secure}"
