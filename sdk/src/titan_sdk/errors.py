"""The errors of this package, one tree.

Every error has `subject`, `expected`, `found` and `next_step`, which form its message. Errors from the server keep the
server's message and are raised as the class of the same name.

    TitanError
    ├── InvalidInput                a value, a field or a body is not valid
    │   ├── InvalidDag              a cycle, an unknown parent, a duplicate id, no jobs
    │   ├── InvalidName             a job, DAG, run, file or key name that is not allowed
    │   └── NotSupported            a feature that this version of Titan does not have
    ├── Unauthorized                no token, or one that the server does not know
    ├── Forbidden                   the token does not allow this
    ├── NotFound
    │   ├── UnknownJob, UnknownDag, UnknownRun, UnknownWorker
    │   ├── UnknownArtifact         nothing was published under this name
    │   └── MissingFile             a local file is not there (also a FileNotFoundError)
    ├── Conflict
    │   ├── StaleLease              the attempt is no longer this worker's
    │   ├── Deadlock                a job waits for what cannot end before the job does
    │   ├── IdempotencyConflict     one idempotency key, two different requests
    │   └── LimitExceeded           too deep a recursion, too many jobs in a run
    ├── TooLarge                    over the server's size limit
    ├── StoreFull                   the server's disk is full
    ├── Unavailable                 nothing is wrong with the request; try later
    │   ├── ServerUnavailable       no answer for as long as the client retries (also a ConnectionError)
    │   │   └── StreamBroken        an answer that streams broke off: ask again from where you were
    │   ├── StoreUnavailable        the server cannot reach its store
    │   ├── ModelUnavailable        the language model does not answer
    │   └── ModelNotConfigured      the server was started without a model
    ├── ModelRefused                the model's provider refused the request
    ├── ToolFailed                  a tool of a simulated world answered an error
    │   └── ToolTimeout             it did not answer in time (also a TimeoutError)
    ├── UnexpectedAnswer            the answer is not from a Titan server
    ├── UntrustedServer             the server's TLS certificate is not trusted
    ├── WaitTimeout                 the time given to a wait is over (also a TimeoutError)
    ├── SignalLost                  all jobs that could have set the key have ended, and it is not set
    └── UnusableAnswer              the model's answers never fitted the schema
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTS = ("subject", "expected", "found", "next_step")


class TitanError(Exception):
    """The base class of all errors of this package."""

    def __init__(self, *, subject: str, expected: str, found: str, next_step: str, message: str | None = None) -> None:
        super().__init__(message or f"{subject}: expected {expected}; found {found}. {next_step}")
        self.subject = subject
        self.expected = expected
        self.found = found
        self.next_step = next_step

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickle, which cannot call a keyword-only constructor by itself."""
        return _revive, (type(self), str(self), self.__dict__.copy())


class InvalidInput(TitanError):
    """A value, a field or a body is not valid. Nothing was changed."""


class InvalidDag(InvalidInput):
    """The jobs do not form a DAG: a cycle, an unknown parent, a duplicate id, no jobs. Nothing was stored."""


class InvalidName(InvalidInput):
    """A job, DAG, run, file or key name is not allowed. Nothing was changed."""


class NotSupported(InvalidInput):
    """A feature that this version of Titan does not have. Nothing was changed."""


class Unauthorized(TitanError):
    """The token is missing or unknown. Nothing was changed."""


class Forbidden(TitanError):
    """The token, the origin or the address does not allow this. Nothing was changed."""


class NotFound(TitanError):
    """The named object does not exist."""


class UnknownJob(NotFound):
    """No job has this name or id."""


class UnknownDag(NotFound):
    """No DAG has this name or id."""


class UnknownRun(NotFound):
    """No stage was ever submitted with this agent_run_id."""


class UnknownWorker(NotFound):
    """The server does not know this worker; it registers again."""


class UnknownArtifact(NotFound):
    """Nothing was uploaded or published under this name."""


class MissingFile(NotFound, FileNotFoundError):
    """A local file does not exist. Nothing was sent."""


class Conflict(TitanError):
    """The request contradicts what is already stored. Nothing was changed."""


class StaleLease(Conflict):
    """The lease of this attempt has ended; its holder must stop and report nothing."""


class Deadlock(Conflict):
    """A job waits for something that needs what the job itself holds: the wait could never end. The job goes on."""


class IdempotencyConflict(Conflict):
    """An idempotency key was used before for another request."""


class LimitExceeded(Conflict):
    """A cap was reached: recursion depth, or jobs in one run."""


class TooLarge(TitanError):
    """Over the server's size limit. Nothing was stored."""


class StoreFull(TitanError):
    """The server's disk is full. Nothing was stored."""


class Unavailable(TitanError):
    """Nothing is wrong with the request; the same request may succeed later."""


class ServerUnavailable(Unavailable, ConnectionError):
    """No server answered for as long as the client retries."""


class StreamBroken(ServerUnavailable):
    """A streamed answer broke off; its reader requests it again from where it was."""


class StoreUnavailable(Unavailable):
    """The server runs but cannot reach its store."""


class ModelUnavailable(Unavailable):
    """The language model behind the server does not answer."""


class ModelNotConfigured(Unavailable):
    """The server was started without a language model."""


class ModelRefused(TitanError):
    """The model's provider refused the request (key, quota, content)."""


class ToolFailed(TitanError):
    """A tool of a simulated world answered an error, its own or an injected one."""

    #: The answer: an object with `error`.
    response: object = None


class ToolTimeout(ToolFailed, TimeoutError):
    """A tool of a simulated world did not answer in time."""


class UnexpectedAnswer(TitanError):
    """The answer is not from a Titan server: another program uses this port, or a proxy answered."""


class UntrustedServer(TitanError):
    """The server's certificate is for another host, expired, or not trusted. Nothing was sent."""


class WaitTimeout(TitanError, TimeoutError):
    """A wait took longer than its timeout. The job or DAG goes on."""


class SignalLost(TitanError):
    """All jobs that could have set the key have ended, and the key is not set."""


class UnusableAnswer(TitanError):
    """The model answered, but no answer fitted the schema; `text` is the last one."""

    def __init__(self, *, subject: str, expected: str, found: str, next_step: str, text: str) -> None:
        super().__init__(subject=subject, expected=expected, found=found, next_step=next_step)
        self.text = text


def error_from_wire(status: int, body: object, *, subject: str) -> TitanError:
    """Return the typed error for an answer of `status` >= 400 whose decoded JSON body is `body`.

    `subject` names the request, for answers without an error of Titan's.
    """
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or "message" not in error:
        if status in (401, 403):
            return _refused_by_a_proxy(status, body, subject)
        return UnexpectedAnswer(
            subject=subject,
            expected="an answer of a Titan server",
            found=f"HTTP {status} with the body {str(body)[:200]!r}",
            next_step="Check TITAN_HOST and TITAN_PORT: another program may listen there.",
        )
    parts = {part: str(error.get(part) or "") for part in _PARTS}
    kind = _BY_NAME.get(str(error.get("type"))) or _BY_STATUS.get(status, TitanError)
    return kind(**parts, message=str(error["message"]))


def _refused_by_a_proxy(status: int, body: object, subject: str) -> TitanError:
    return _BY_STATUS[status](
        subject=subject,
        expected="to be let in",
        found=f"HTTP {status} with the body {str(body)[:200]!r}",
        next_step="Set TITAN_TOKEN to a token that this server or the proxy before it knows.",
    )


_FROM_SERVER: tuple[type[TitanError], ...] = (
    *(InvalidInput, InvalidDag, InvalidName, NotSupported, Unauthorized, Forbidden),
    *(UnknownJob, UnknownDag, UnknownRun, UnknownWorker, UnknownArtifact),
    *(StaleLease, Deadlock, IdempotencyConflict, LimitExceeded, TooLarge, StoreFull),
    *(StoreUnavailable, ModelUnavailable, ModelNotConfigured, ModelRefused),
)
_BY_NAME: Mapping[str, type[TitanError]] = {kind.__name__: kind for kind in _FROM_SERVER}
# For error types of a newer server.
_BY_STATUS: Mapping[int, type[TitanError]] = {
    400: InvalidInput,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    503: Unavailable,
    507: StoreFull,
}


def _revive(kind: type[TitanError], message: str, attributes: dict[str, object]) -> TitanError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(attributes)
    return error
