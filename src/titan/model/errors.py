"""Every error Titan reports to a person or a program.

TitanError
├── InvalidInput          a request that cannot be understood
│   ├── InvalidName       a name or key with characters that are not allowed
│   ├── InvalidDag        a graph that cannot run
│   ├── RangeRefused      a part of a content that has no such part
│   └── NotSupported      an argument this version refuses rather than ignores
│       └── NotDispatchable   a task that is stored and cannot be tried
├── Unauthorized          a request without a token where one is needed, or with one that is not good
├── Forbidden             a request from a host, a page or the holder of a token that may not ask that
├── NotFound
│   ├── UnknownJob, UnknownDag, UnknownRun, UnknownAction, UnknownNote, UnknownIssue, UnknownReplay, UnknownAgent
│   ├── UnknownEvaluation
│   ├── UnknownWorker, UnknownArtifact, UnknownToken
├── Conflict
│   ├── StaleLease        a message about an attempt that is over
│   ├── Deadlock          a wait of a job that could not end before the job does
│   ├── RunInFlight, AgentUnpublished
│   ├── IdempotencyConflict
│   └── LimitExceeded     recursion depth, jobs in a run
├── TooLarge              a body or value over its limit
│   └── HeadersTooLarge   a request's line and headers
├── RequestTimeout        a request that was begun and not ended in time
├── StoreError
│   ├── StoreUnavailable, StoreFull, StoreRefused
│   └── StoreDamaged, SchemaMismatch, StoreInUse   Titan does not start
└── ModelError
    ├── ModelNotConfigured, ModelUnavailable, ModelRefused
"""

from collections.abc import Callable


class TitanError(Exception):
    """Something was refused or failed; the attributes say what, and what to do next.

    The message reads `<subject>: expected <expected>; found <found>. <next_step>`.
    Unless a subclass says otherwise, nothing was changed.
    """

    def __init__(self, subject: str, *, expected: str, found: str, next_step: str = "") -> None:
        super().__init__(f"{subject}: expected {expected}; found {found}. {next_step}".rstrip())
        #: What the error is about, with its id: "job 'train'".
        self.subject = subject
        self.expected = expected
        self.found = found
        #: What the reader can do now; may be empty.
        self.next_step = next_step

    def __reduce__(self) -> tuple[Callable[..., "TitanError"], tuple[object, ...]]:
        """Say how to make it again in another process: an exception's own way passes the message alone."""
        return _remade, (type(self), self.subject, self.expected, self.found, self.next_step)


def _remade(kind: type[TitanError], subject: str, expected: str, found: str, next_step: str) -> TitanError:
    return kind(subject, expected=expected, found=found, next_step=next_step)


class InvalidInput(TitanError):
    """A request cannot be understood; correct it, a retry of the same never helps."""


class InvalidName(InvalidInput):
    """A name, label or key holds characters that are not allowed, or is too long."""


class InvalidDag(InvalidInput):
    """A graph cannot run: a cycle, an unknown parent, a repeated id, or nothing in it. Nothing was stored."""


class NotSupported(InvalidInput):
    """An argument is known, but this version cannot honour it, so it refuses rather than ignores it."""


class RangeRefused(InvalidInput):
    """The requested range begins after the end of the content."""


class Unauthorized(TitanError):
    """No token came where one is needed, or one that is unknown, revoked or expired; another one may help."""


class Forbidden(TitanError):
    """The request's Host or Origin header, or what its token is for, does not allow it; a retry never helps."""


class NotFound(TitanError):
    """A command names something that does not exist."""


class UnknownJob(NotFound):
    """No job has this id or name."""


class UnknownDag(NotFound):
    """No DAG has this id or name."""


class UnknownRun(NotFound):
    """No agent run has this id."""


class UnknownAction(NotFound):
    """No recorded action of the run has this id."""


class UnknownNote(NotFound):
    """The run has no such note, or it was deleted."""


class UnknownIssue(NotFound):
    """A run has no such source of non-determinism, or nobody accepted it."""


class UnknownReplay(NotFound):
    """The run has no replay with this id."""


class UnknownEvaluation(NotFound):
    """The project has no such workflow, task, agent field, registered agent or agent run."""


class UnknownAgent(NotFound):
    """No run of this agent was recorded."""


class UnknownWorker(NotFound):
    """A worker speaks that this server does not know; it should register again."""


class UnknownArtifact(NotFound):
    """No stored content has this name or digest."""


class UnknownToken(NotFound):
    """No token has this id."""


class NotDispatchable(NotSupported):
    """A task that is stored, and that this version cannot have tried: of several turns, or of code."""


class Conflict(TitanError):
    """The request is well formed, but the present state does not allow it."""


class StaleLease(Conflict):
    """A message about an attempt that has already ended; it changed nothing and must not be repeated."""


class Deadlock(Conflict):
    """A job waits for something that needs what the job itself holds, so that its wait could never end."""


class RunInFlight(Conflict):
    """An agent run that has not ended."""


class AgentUnpublished(Conflict):
    """An agent that a workflow names and that is not registered."""


class IdempotencyConflict(Conflict):
    """An idempotency key came back with another request; use a new key for a new request."""


class LimitExceeded(Conflict):
    """A cap on recursion depth or on the jobs of a run would be exceeded."""


class TooLarge(TitanError):
    """A body, value or file is over its limit."""


class HeadersTooLarge(TooLarge):
    """A request's line and headers are over their limit, of bytes or of fields."""


class RequestTimeout(TitanError):
    """The client has begun a request and did not send the rest in time."""


class StoreError(TitanError):
    """The store could not keep or give a fact. Nothing of the refused transaction was kept."""


class StoreUnavailable(StoreError):
    """The store does not answer now; a retry may succeed."""


class StoreFull(StoreError):
    """The disk under the store is full; free some space, then retry."""


class StoreRefused(StoreError):
    """A write broke a rule that the schema states, a second live attempt of one job for example.

    It is a programming error; a retry of the same never helps.
    """


class StoreDamaged(StoreError):
    """A file of the store is gone or no readable database, or a row of it cannot be read. It was left as it is."""


class SchemaMismatch(StoreError):
    """The store has the schema of an older or newer Titan. It was left as it is."""


class StoreInUse(StoreError):
    """Another server already owns this home."""


class ModelError(TitanError):
    """A language model gave no answer."""


class ModelNotConfigured(ModelError):
    """No model, or no key for it, is configured."""


class ModelUnavailable(ModelError):
    """The model's endpoint does not answer, or is overloaded; a retry may succeed."""


class ModelRefused(ModelError):
    """The model's endpoint refused the request; a retry of the same never helps."""
