"""Hold the worlds of running agent runs in memory, each behind its token.

What a call did stands in the action that is recorded of it, before it is answered. A run whose server was killed is not
taken up again, so nothing has to be read back.
"""

import asyncio
import hashlib
import re
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

from titan.judge.scorers import MadeCall
from titan.model.actions import ActionEntry, ActionKind, Entry, Failure, ModelUse, Outcome, Payload
from titan.model.actions import Source as Reporter
from titan.model.errors import ModelError
from titan.model.language import Message, ModelRequest, Role
from titan.ports.runtime import Clock, LanguageModel, Prices
from titan.rules.runs.clocks import offset_of, placed
from titan.world.ledger import Ledger
from titan.world.schemas import MOST_DEPTH, depth_of
from titan.world.simulation import Answer, Ask, AskEndpoint, AskModel, Call, Environment, Reply, Source, State, is_error
from titan_sdk.tape import encode, encoded_text

MOST_CALLS: Final = 1_000  # of one run: an agent in a loop ends
MOST_EVENTS: Final = 10_000
#: Of one run, as JSON. Arguments are held until it is graded, and JSON takes some 25 times its size as objects.
MOST_ARGUMENT_BYTES: Final = 8 * 1024 * 1024
MOST_EVENT_BYTES: Final = 64 * 1024 * 1024
SETTLED_WITHIN_SECONDS: Final = 30.0  # for calls that are open when the run ends
MOST_CACHED: Final = 10_000  # answers of models
MOST_TOKENS: Final = 2_000  # that a simulated answer may take
MOST_ENDED: Final = 10_000  # runs that are remembered when they have ended
KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
TOKEN: Final = re.compile(r"titan_run_[A-Za-z0-9_-]{43}")  # as `secrets.token_urlsafe` writes 32 bytes
PROBE: Final = "__reachability_probe__"  # a tool that agents ask for to see whether they reach us


class Records(Protocol):
    """Port that records entries: `titan.recorder.recorder.Recorder`."""

    async def record(
        self,
        project_id: str,
        read: Callable[[], Iterable[Entry]],
        *,
        is_fixed: bool = False,
        waits_for_totals: bool = True,
    ) -> object:
        """Record entries; return when they are durable."""

    def without_secrets(self, text: str) -> str:
        """Return a text, JSON or not, without secrets."""


class Endpoints(Protocol):
    """Port that calls tools at registered endpoints: `titan.evaluate.external.ToolEndpoints`."""

    async def call(
        self, project_id: str, name: str, tool: str, args: Mapping[str, Any], *, run_id: str
    ) -> tuple[Any, str | None]:
        """Return a tool's answer, or None and the failure."""


@dataclass(slots=True, kw_only=True)
class LiveRun:
    """A running agent run."""

    project_id: str
    run_id: str
    environment: Environment
    state: State
    token_digest: str
    initial: Ledger  #: before its first call
    began_at: datetime
    offsets: dict[str | None, timedelta] = field(default_factory=dict)  #: of its actors' clocks
    task_input: Mapping[str, Any] = field(default_factory=dict)  #: the request to the agent
    attempt: str | None = None  #: of the job that the agent runs as, which was given its task
    has_second_attempt: bool = False  #: its job began again
    job_answer: Any = None  #: of such an agent
    raw_answer: bytes = b""
    calls: int = 0
    commits: int = 0  #: calls that have an answer
    model_calls: int = 0  #: through the run's own model endpoint
    model_cost: Decimal | None = None  #: of these, where a price is known
    events: int = 0
    argument_bytes: int = 0  #: of its calls
    event_bytes: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    violations: int = 0
    warnings: list[str] = field(default_factory=list)
    made: list[MadeCall] = field(default_factory=list)  #: its calls, as they were answered
    simulator_cost: Decimal = Decimal(0)
    under_way: "set[asyncio.Future[Answered | None]]" = field(default_factory=set)  #: calls that are being answered
    answered: dict[str, "Repeatable"] = field(default_factory=dict)  #: by idempotency key

    @property
    def token_id(self) -> str:
        """A public identifier of the token."""
        return self.token_digest[:16]

    def time_of(self, reported: datetime, actor: str | None, now: datetime) -> datetime | None:
        """Return when an event happened that an actor reports now; None where that is outside of the run."""
        first = offset_of(reported, began=self.began_at, now=now)
        return placed(reported, self.offsets.setdefault(actor, first), began=self.began_at, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer to a call."""

    sequence: int
    response: Any
    source: Source
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The action of a program for a call, which its recorder reports under the same id."""

    id: str
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A call with an idempotency key, and its answer."""

    tool: str
    args: Mapping[str, Any]
    answer: "asyncio.Future[Answered | None]"


class Refused(Exception):
    """The proxy refuses a call."""

    def __init__(self, status: int, error_class: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_class = error_class


class Worlds:
    """The worlds of the running agent runs of this process."""

    def __init__(
        self,
        recorder: Records,
        *,
        clock: Clock,
        model: LanguageModel | None,
        endpoints: Endpoints,
        prices: Prices | None = None,
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._model = model
        self._endpoints = endpoints
        self._prices = prices
        self._runs: dict[str, LiveRun] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()  #: run → digest of its token
        self._cache: OrderedDict[str, str] = OrderedDict()

    def open(self, project_id: str, run_id: str, environment: Environment, state: State) -> tuple[LiveRun, str]:
        """Open a run's world; return the run and its token."""
        token = f"titan_run_{secrets.token_urlsafe(32)}"
        digest = hashlib.sha256(token.encode()).hexdigest()
        run = LiveRun(
            project_id=project_id,
            run_id=run_id,
            environment=environment,
            state=state,
            token_digest=digest,
            initial=state.ledger,
            began_at=self._clock.now(),
        )
        self._runs[run_id] = run
        return run, token

    async def close(self, run: LiveRun) -> None:
        """Revoke a run's token, and wait up to 30 s for its open calls."""
        if self._runs.pop(run.run_id, None) is not None:
            self._ended[run.run_id] = run.token_digest
            if len(self._ended) > MOST_ENDED:
                self._ended.popitem(last=False)
        if run.under_way:
            _, late = await asyncio.wait(run.under_way, timeout=SETTLED_WITHIN_SECONDS)
            for call in late:
                call.cancel()

    def find(self, run_id: str, token: str | None) -> LiveRun:
        """Return the run of a token.

        Raises:
            Refused: there is no token, or it is not that of a run under way.
        """
        if token is None:
            raise Refused(401, "run_token_missing", "Send the run's token: Authorization: Bearer …")
        if not TOKEN.fullmatch(token):
            raise Refused(
                401,
                "run_token_invalid",
                "This is no token of an agent run: titan_run_ and 43 letters, digits, _ and -.",
            )
        digest = hashlib.sha256(token.encode()).hexdigest()
        run = self._runs.get(run_id)
        if run is not None and secrets.compare_digest(digest, run.token_digest):
            return run
        ended = self._ended.get(run_id)
        if ended is not None and secrets.compare_digest(digest, ended):
            raise Refused(401, "run_token_expired", f"The run {run_id} has ended, and its token with it; stop.")
        if run is None and ended is None:
            raise Refused(404, "run_not_registered", f"No agent run {run_id} is under way here; stop.")
        raise Refused(401, "run_token_rejected", f"The token is not that of the run {run_id}; stop.")

    async def call(
        self, run: LiveRun, tool: str, args: Mapping[str, Any], *, actor: str | None = None, key: str | None = None
    ) -> Answered:
        """Answer a tool call after recording it; a repeated key returns the first answer.

        Raises:
            Refused: the run made too many calls or sent too much with them, or the key is that of another call.
        """
        answered = await self._called(run, tool, args, actor=actor, key=key, action=None)
        assert answered is not None
        return answered

    async def begin(
        self, run: LiveRun, tool: str, args: Mapping[str, Any], *, action: "Begun", actor: str | None = None
    ) -> Answered | None:
        """Answer a tool call of a program's action; None where the program's own function must run.

        That is so of a tool that names no endpoint in the mode passthrough, unless a failure is injected.

        Raises:
            Refused: as `call`.
        """
        return await self._called(run, tool, args, actor=actor, key=action.id, action=action)

    async def _called(
        self,
        run: LiveRun,
        tool: str,
        args: Mapping[str, Any],
        *,
        actor: str | None,
        key: str | None,
        action: "Begun | None",
    ) -> Answered | None:
        if key is not None and not KEY.fullmatch(key):
            raise Refused(400, "idempotency_key_invalid", "Idempotency-Key: expected 1 to 200 visible ASCII characters")
        if depth_of(args) > MOST_DEPTH:
            raise Refused(400, "arguments_invalid", f"expected arguments of at most {MOST_DEPTH} levels; found more")
        first = None if key is None else run.answered.get(key)
        if first is not None:
            if (first.tool, first.args) != (tool, args):
                message = f"This Idempotency-Key is that of a call of {first.tool} with other arguments."
                raise Refused(422, "idempotency_key_reused", message)
            return await asyncio.shield(first.answer)
        if run.calls >= MOST_CALLS:
            raise Refused(429, "call_limit", f"The run has made {MOST_CALLS:,} calls, which is all it may.")
        size = run.argument_bytes + len(encode(dict(args)))
        if size > MOST_ARGUMENT_BYTES:
            most = f"{MOST_ARGUMENT_BYTES >> 20} MB of arguments"
            raise Refused(
                429, "call_limit", f"With this call the run would send more than {most}, which is all it may."
            )
        run.argument_bytes = size
        sequence, run.calls = run.calls, run.calls + 1
        asked = asyncio.ensure_future(self._answer(run, Call(sequence=sequence, tool=tool, args=args), actor, action))
        run.under_way.add(asked)
        asked.add_done_callback(run.under_way.discard)
        if key is not None:
            run.answered[key] = Repeatable(tool, args, asked)
        return await asyncio.shield(asked)  # the call continues when the agent disconnects

    def count_model_call(self, run: LiveRun) -> None:
        """Count a model call of a run.

        Raises:
            Refused: it did too often.
        """
        if run.model_calls >= MOST_CALLS:
            raise Refused(429, "call_limit", f"The run has asked the model {MOST_CALLS:,} times, which is all it may.")
        run.model_calls += 1

    def add_model_cost(self, run: LiveRun, use: ModelUse) -> None:
        """Add the cost of a model call to its run."""
        cost = None if self._prices is None else self._prices.cost_of(use, at=self._clock.now())
        if cost is not None:
            run.model_cost = (run.model_cost or Decimal(0)) + cost

    async def event(self, run: LiveRun, entry: Callable[[int, datetime], ActionEntry]) -> int:
        """Record an event of a run; return its sequence.

        Raises:
            Refused: the run sent too many, or too much.
        """
        if run.events >= MOST_EVENTS:
            raise Refused(429, "event_limit", f"The run has sent {MOST_EVENTS:,} events, which is all it may.")
        action = entry(run.events, self._clock.now())
        size = run.event_bytes + (0 if action.outputs is None else len(action.outputs.text))
        if size > MOST_EVENT_BYTES:
            most = f"{MOST_EVENT_BYTES >> 20} MB of events"
            raise Refused(
                429, "event_limit", f"With this event the run would send more than {most}, which is all it may."
            )
        run.event_bytes = size
        sequence, run.events = run.events, run.events + 1
        await self._recorder.record(run.project_id, lambda: [action], is_fixed=True, waits_for_totals=False)
        return sequence

    async def _answer(self, run: LiveRun, call: Call, actor: str | None, action: "Begun | None") -> Answered | None:
        began = self._clock.now()
        answer = await self._driven(run, run.environment.answer(call, run.state), has_function=action is not None)
        if answer is None:
            return None
        commit, run.commits = run.commits, run.commits + 1
        ended = self._clock.now()
        run.sources[answer.source] += 1
        run.violations += len(answer.violations)
        run.made.append(MadeCall.of(call, answer))
        entry = action_of(run.run_id, call, answer, commit, actor=actor, action=action, began=began, ended=ended)
        await self._recorder.record(run.project_id, lambda: [entry], is_fixed=True, waits_for_totals=False)
        if answer.delay_ms:
            await asyncio.sleep(answer.delay_ms / 1000)
        return Answered(
            sequence=call.sequence,
            response=answer.response,
            source=answer.source,
            latency_ms=(ended - began).total_seconds() * 1000 + answer.delay_ms,
        )

    async def _driven(self, run: LiveRun, answering: Any, *, has_function: bool) -> Answer | None:
        """Run a call to its answer; the run's state does not change between two questions.

        None: it is for the program's own function, where it has one.
        """
        try:
            ask: Ask = next(answering)
            while True:
                run.state = ask.state
                if has_function and isinstance(ask, AskEndpoint) and not ask.endpoint:
                    return None
                content, failure = await self._asked(run, ask)
                ask = answering.send(Reply(state=run.state, content=content, failure=failure))
        except StopIteration as finished:
            answer: Answer = finished.value
            run.state = answer.state
            return answer

    async def _asked(self, run: LiveRun, ask: Ask) -> tuple[Any, str | None]:
        if not isinstance(ask, AskModel):
            return await self._endpoints.call(run.project_id, ask.endpoint, ask.tool, ask.args, run_id=run.run_id)
        if ask.key in self._cache:
            self._cache.move_to_end(ask.key)
            return self._cache[ask.key], None
        if self._model is None:
            return None, "the tool is not declared, and this server has no model to simulate it (TITAN_MODEL)"
        request = ModelRequest(
            messages=tuple(Message(role=Role(one["role"]), content=one["content"]) for one in ask.messages),
            schema=ask.schema,
            temperature=0.0,
            max_tokens=MOST_TOKENS,
        )
        try:
            answer = await self._model.complete(request)
        except ModelError as error:
            return None, str(error)
        use = ModelUse(
            model=answer.model,
            provider=self._model.provider,
            input_tokens=answer.prompt_tokens,
            output_tokens=answer.completion_tokens,
        )
        cost = None if self._prices is None else self._prices.cost_of(use, at=self._clock.now())
        run.simulator_cost += cost or 0
        self._cache[ask.key] = answer.text
        if len(self._cache) > MOST_CACHED:
            self._cache.popitem(last=False)
        return answer.text, None


def action_of(
    run_id: str,
    call: Call,
    answer: Answer,
    commit: int,
    *,
    actor: str | None,
    action: Begun | None = None,
    began: datetime,
    ended: datetime,
) -> ActionEntry:
    """Return the action entry of a tool call, with the world's data in `details` under `world`."""
    world = {
        "sequence": call.sequence,
        "commit": commit,
        "source": answer.source,
        "detail": answer.detail,
        "operations": [
            {**msgspec.to_builtins(one.operation), "origin": one.origin, "drop_reason": one.drop_reason}
            for one in answer.operations
        ],
        "violations": [{"kind": one.kind, "message": one.message} for one in answer.violations],
        "failure_rule_id": answer.failure_rule_id,
        "delay_ms": answer.delay_ms,
        "retries": answer.retries,
        "ledger": answer.state.ledger.digest,
    }
    failure = None
    if is_error(answer.response):
        error = answer.response["error"]
        code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
        failure = Failure(type=str(code or "error"), message=str(message or ""))
    return ActionEntry(
        id=f"call-{call.sequence}" if action is None else action.id,
        run_id=run_id,
        source=Reporter.WORLD,
        kind=ActionKind.TOOL,
        name=call.tool,
        parent_id=None if action is None else action.parent_id,
        started_at=began,
        ended_at=ended,
        outcome=Outcome.SUCCESS if failure is None else Outcome.ERROR,
        failure=failure,
        actor=actor,
        inputs=Payload(encoded_text(dict(call.args))),
        outputs=Payload(encoded_text(answer.response)),
        details=msgspec.json.encode({"world": world}).decode(),
    )
