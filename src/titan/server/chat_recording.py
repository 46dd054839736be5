"""Record calls of the model endpoint in the background, without delaying their answers."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final

from titan.ingest.chat import (
    CLIENT_LEFT,
    ChatCall,
    ChatEnd,
    ChatRun,
    PartialAnswer,
    asked_model,
    beginning,
    ending,
    read_traceparent,
    use_of,
)
from titan.model.actions import AgentSource, Failure, ModelUse
from titan.model.errors import InvalidInput, TitanError
from titan.model.language import ModelAnswer, ModelDelta
from titan.server.chat_completions import DEFAULT_NAMES
from titan.server.http.authorization import check_reporter
from titan.server.http.call import Call
from titan.server.routes.recording import run_of_caller

#: A call that takes longer than this is also recorded when it begins, so that it is visible while it runs; a quick
#: one costs one commit instead of two.
BEGINNING_SECONDS: Final = 1.0
DIRECT_AGENT: Final = "direct-calls"  # agent of calls that name none
RUN_HEADER: Final = "x-titan-run-id"
AGENT_HEADER: Final = "x-titan-agent-id"
PARENT_HEADER: Final = "x-titan-parent-id"
MOST_OF_ID: Final = 200  # as in titan.wire.actions
MOST_OF_AGENT_ID: Final = 500

logger = logging.getLogger(__name__)


async def check_named_run(call: Call) -> None:
    """Check that the caller may record into the run that a header names, if one does.

    Raises:
        Forbidden: a job names somebody else's run.
        InvalidInput: the header is not a valid id.
    """
    named = _named(call, RUN_HEADER, MOST_OF_ID)
    if named is not None:
        await check_reporter(call, [named])


class CallRecorder:
    """Records one call. Used as a context manager: without an answer the call is recorded as failed."""

    def __init__(
        self, call: Call, body: bytes, *, run_id: str | None = None, on_use: Callable[[ModelUse], object] | None = None
    ) -> None:
        """Start the clock. `run_id` is the run whose token was sent; it overrides the headers.

        Raises:
            InvalidInput: a header is not a valid id.
        """
        model, parent_id = call.app.model, _named(call, PARENT_HEADER, MOST_OF_ID)
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self._call = call
        self._trace = read_traceparent(call.header("traceparent"))
        self._named = run_id or _named(call, RUN_HEADER, MOST_OF_ID)
        self._on_use = on_use
        self._agent_id = _named(call, AGENT_HEADER, MOST_OF_AGENT_ID)
        self._chat = ChatCall(
            id=self.id,
            body=body,
            started_at=call.app.clock.now(),
            model=model.name if model else None,
            provider=model.provider if model else None,
            parent_id=parent_id or (self._trace.span_id if self._trace else None),
        )
        self._began = time.monotonic_ns()
        self._first_ns: int | None = None
        self._partial = PartialAnswer()
        self._has_begun = False
        self._has_ended = False
        self._timer = asyncio.get_running_loop().call_later(BEGINNING_SECONDS, self._begin)

    def __enter__(self) -> "CallRecorder":
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.abandon(error if isinstance(error, Exception) else None)

    def add(self, delta: ModelDelta) -> None:
        """Note a piece of a stream that is sent to the client."""
        if self._first_ns is None:
            self._first_ns = time.monotonic_ns() - self._began
        self._partial.take(delta)

    def answered(self, answer: ModelAnswer) -> None:
        """Note the whole answer."""
        if self._on_use is not None:
            self._on_use(use_of(answer, provider=self._chat.provider))
        self._end(answer=answer, failure=None)

    def abandon(self, error: Exception | None = None, *, has_asked: bool = True) -> None:
        """End the call, unless it has ended, with `error`, or because the client or the server stopped.

        `has_asked` says whether a model was asked, which may cost money.
        """
        if error is not None:
            failure = Failure(type=type(error).__name__, message=str(error))
        elif self._call.app.bus.is_closed:
            failure = Failure(type="ServerStopped", message="Titan was stopped before the answer was whole.")
        else:
            failure = Failure(type=CLIENT_LEFT, message="The client left before the answer was whole.")
        self._end(answer=None, failure=failure, has_asked=has_asked)

    def refuse(self, error: TitanError) -> None:
        """Record that the request was refused before a model was asked, if the call belongs to a run.

        A call without a run gets none: a misconfigured client would fill the list with failed runs. It is counted and
        logged instead.
        """
        if self._named is not None or self._trace is not None or self._call.caller.attempt:
            asked = asked_model(self._chat.body)
            if asked is not None and asked not in DEFAULT_NAMES | {self._chat.model}:
                self._chat = replace(
                    self._chat, model=asked, provider=None
                )  # the model that was asked for, not the configured one
            self.abandon(error, has_asked=False)
            return
        self._has_ended = True
        self._timer.cancel()
        self._call.app.metrics.refused.inc()
        subject = self._call.app.recorder.without_secrets(error.subject)
        logger.info("a request for the model was refused: %s: %s", type(error).__name__, subject)

    def _begin(self) -> None:
        self._record(self._record_beginning)

    def _end(self, *, answer: ModelAnswer | None, failure: Failure | None, has_asked: bool = True) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        self._timer.cancel()
        end = ChatEnd(
            at=self._call.app.clock.now(),
            duration_ns=time.monotonic_ns() - self._began,
            first_ns=self._first_ns,
            answer=answer,
            partial=self._partial,
            failure=failure,
            has_asked=has_asked,
        )
        self._record(partial(self._record_end, end))

    def _record(self, work: Callable[[], Awaitable[None]]) -> None:
        self._call.app.background_recording.begin(work, size_bytes=len(self._chat.body))

    async def _record_beginning(self) -> None:
        if self._has_ended:
            return  # the store was away meanwhile: the end reports everything
        app, run = self._call.app, await self._run()
        app.space.check("recording a call of the model")
        await app.recorder.record(self._call.project_id, lambda: beginning(self._chat, run))
        self._has_begun = True

    async def _record_end(self, end: ChatEnd) -> None:
        app, run = self._call.app, await self._run()
        app.space.check("recording a call of the model")
        entries = partial(ending, self._chat, run, end, has_begun=self._has_begun)
        await app.recorder.record(self._call.project_id, entries)

    async def _run(self) -> ChatRun:
        """Return the run that the call names, else the calling job's, else that of its trace, else a new one.

        As at POST /api/v1/actions, an explicit run takes precedence over the caller's own.
        """
        own = await run_of_caller(self._call) if self._call.caller.attempt else None
        if self._named is not None and (own is None or own.id != self._named):
            return self._named_run(self._named)
        if own is not None:
            return ChatRun(id=own.id, agent_id=own.agent_id)
        if self._trace is not None:
            return self._named_run(self._trace.trace_id)
        agent_id = self._agent_id or DIRECT_AGENT
        return ChatRun(id=self.id, agent_id=agent_id, name="One call of the model", is_own=True)

    def _named_run(self, run_id: str) -> ChatRun:
        """Return the run that the call names; its agent is assumed until another source reports it."""
        if self._agent_id is not None:
            return ChatRun(id=run_id, agent_id=self._agent_id)
        return ChatRun(id=run_id, agent_id=DIRECT_AGENT, agent_source=AgentSource.ASSUMED)


def _named(call: Call, header: str, most: int) -> str | None:
    value = call.header(header)
    if value is None or (0 < len(value) <= most and value.isprintable()):
        return value
    raise InvalidInput(
        f"header {header}",
        expected=f"1 to {most} printable characters",
        found=f"{len(value)} characters",
        next_step="Correct it, or leave it out.",
    )
