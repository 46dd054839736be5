"""Record actions: the decorator `@action`, and the blocks `with action(…)` and `with turn(…)`.

    @titan_sdk.action                                     # named for the function
    def search(query: str) -> list[str]: …

    @titan_sdk.action("charge", cost=0.02, impact="high", effect="external", tags=["billing"])
    async def charge(card: Card, amount: Decimal) -> Receipt: …

    with titan_sdk.action("rank", kind="model") as act:
        act.set_input(documents)
        act.set_output(ranked := rank(documents))

An action that begins inside another one has it as its parent: in the same thread or task, in tasks that are created
there, and in threads that run in a copy of the context.
"""

from __future__ import annotations

import inspect
import os
from contextvars import ContextVar
from functools import partial, wraps
from sys import _getframe
from threading import current_thread, main_thread
from time import perf_counter_ns, time_ns
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from weakref import WeakKeyDictionary

from titan_sdk.http import project_header
from titan_sdk.recording import process
from titan_sdk.recording.calls import caller_of, frames_of, place_of
from titan_sdk.recording.entries import LARGEST_USD, ActionConfig, Lost, entry_of, usd
from titan_sdk.recording.redact import check_redact
from titan_sdk.recording.runs import PROJECT, current_run, open_run
from titan_sdk.recording.tasks import task_path
from titan_sdk.recording.validation import check_choice, check_function, check_tags
from titan_sdk.tape import Opaque, opaque, snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal
    from types import FrameType, TracebackType
    from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar, overload

    from titan_sdk.recording.calls import Frame, Place
    from titan_sdk.recording.entries import Entry, Outcome
    from titan_sdk.recording.redact import Redact
    from titan_sdk.recording.runs import Run

    P = ParamSpec("P")
    R = TypeVar("R")

    Amount: TypeAlias = int | float | str | Decimal
    Kind: TypeAlias = Literal["call", "tool", "model", "agent", "step", "turn", "thought", "handoff", "event"]
    Impact: TypeAlias = Literal["read", "low", "medium", "high"]
    Effect: TypeAlias = Literal["external", "local"]

_KINDS = ("call", "tool", "model", "agent", "step", "turn", "thought", "handoff", "event")
_IMPACTS = ("read", "low", "medium", "high")
_EFFECTS = ("external", "local")
#: Types of results that have not done their work yet; see `titan_sdk.recording.streams`.
DEFERRED = frozenset({GeneratorType, CoroutineType, AsyncGeneratorType})
SLOW_NS = 50_000_000  # a large table's repr takes 10 ms; one that reads a file or calls a server takes longer
MOST_SLOW = 2  # of one class: once may be chance, on a busy machine
#: How often the repr of a class was slow.
_slow: WeakKeyDictionary[type, int] = WeakKeyDictionary()


def _repr_unless_slow(value: object) -> Opaque:
    kind = type(value)
    was_slow = _slow.get(kind, 0)
    if was_slow >= MOST_SLOW:
        return opaque(value, text="<its repr takes too long>")
    began = perf_counter_ns()
    found = opaque(value)
    if perf_counter_ns() - began > SLOW_NS:
        _slow[kind] = was_slow + 1
    return found


#: Take a snapshot of a value in the caller's thread.
as_it_is = partial(snapshot, shown=_repr_unless_slow)


class ActiveAction:
    """One action that is under way."""

    __slots__ = (
        *("config", "id", "run", "parent", "parent_id", "started_at_ns", "duration_ns", "task", "thread", "place"),
        *("inputs", "has_inputs", "outputs", "has_outputs", "error", "frames", "outcome", "cost", "use", "tags"),
        *("attributes", "has_ended", "is_begin_reported", "is_end_reported", "is_lost", "are_inputs_reported"),
        *("uses_titan", "_clock"),
    )

    def __init__(self, config: ActionConfig, run: Run, parent: ActiveAction | None, place: Place | None = None) -> None:
        self.config = config
        #: the call site
        self.place = place
        self.id = os.urandom(16).hex()
        self.run = run
        self.parent_id = parent.id if parent is not None and parent.run is run else None
        #: the nearest action around it that is under way; ended ones are released where tasks begin one another
        self.parent = nearest = None if parent is None else _under_way(parent)
        if nearest is not None and nearest.parent is not None:
            nearest.parent = _under_way(nearest.parent)
        thread = current_thread()
        #: its name; None: the main one
        self.thread = None if thread is main_thread() else thread.name
        #: see `titan_sdk.recording.tasks`
        self.task = task_path()
        self.inputs: object = None
        self.has_inputs = False
        self.outputs: object = None
        self.has_outputs = False
        self.error: object = None
        self.frames: Sequence[Frame] = ()
        self.outcome: Outcome | None = None
        self.cost: Amount | None = None
        self.use: dict[str, object] | None = None
        self.tags: list[str] | None = None
        self.attributes: dict[str, object] | None = None
        self.has_ended = self.is_begin_reported = self.is_end_reported = self.are_inputs_reported = self.is_lost = False
        #: whether it made requests to a Titan server
        self.uses_titan = False
        self.duration_ns = 0
        self.started_at_ns = time_ns()
        self._clock = perf_counter_ns()

    def set_input(self, *args: object, **kwargs: object) -> None:
        """Set the inputs; later changes of the values are not recorded."""
        self.inputs = {"args": [as_it_is(arg) for arg in args], "kwargs": {k: as_it_is(v) for k, v in kwargs.items()}}
        self.has_inputs = True
        self.are_inputs_reported = False

    def set_output(self, value: object) -> None:
        """Set the output; it takes precedence over what a decorated function returns."""
        self.outputs = as_it_is(value)
        self.has_outputs = True

    def set_cost(self, usd: Amount) -> None:
        """Set the cost in US dollars; 12 decimals of a text or a Decimal are kept, a picodollar."""
        self.cost = usd

    def set_use(
        self,
        *,
        model: str | None = None,
        provider: str | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        response_id: str | None = None,
    ) -> None:
        """Set which language model was called, and its tokens; the server knows the price of most models."""
        given: dict[str, object] = {"model": model, "provider": provider, "response_id": response_id}
        given |= {"input_tokens": input_tokens, "output_tokens": output_tokens, "reasoning_tokens": reasoning_tokens}
        given |= {"cache_read_tokens": cache_read_tokens, "cache_write_tokens": cache_write_tokens}
        self.use = {name: value for name, value in given.items() if value is not None}

    def tag(self, *tags: str) -> None:
        """Add tags."""
        self.tags = [*(self.tags or ()), *tags]

    @property
    def lost(self) -> Lost:
        """How it is counted where it cannot be recorded."""
        return Lost(self.run.id, self.started_at_ns)

    def entry(self) -> Entry | None:
        """Return what is to be reported now: its beginning, its end, or both at once."""
        if not self.has_ended:
            process.cut_at_exit(self.id, partial(cut, self))
        self.is_begin_reported, is_first = True, not self.is_begin_reported
        if self.has_ended:
            process.forget_action(self.id)
        if self.is_end_reported or not (is_first or self.has_ended):
            return None
        self.is_end_reported = self.has_ended
        entry = entry_of(self)
        if self.is_end_reported:
            self.inputs = self.outputs = self.error = None  # a task that it began may hold the action longer
            self.frames = ()
        return entry


def _under_way(act: ActiveAction | None) -> ActiveAction | None:
    while act is not None and act.has_ended:
        act = act.parent
    return act


class Action:
    """How one kind of action is recorded: a decorator, and a context manager. See `action`."""

    __slots__ = ("_config", "_open")

    def __init__(self, config: ActionConfig) -> None:
        self._config = config
        #: Actions that this object began and has not ended, in tasks and threads at once, each with its frame.
        self._open: list[tuple[ActiveAction, FrameType | None]] = []

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function with each of its calls recorded."""
        same: Callable[P, R] = recorded(function, self._config)
        return same

    def __enter__(self) -> ActiveAction:
        frame = caller_of(__file__)
        act = begin(self._config, place=place_of(frame))
        self._open.append((act, frame))
        return act

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        act = self._ended()
        if error is None or isinstance(error, GeneratorExit):
            succeed(act)
        else:
            fail(act, error)

    async def __aenter__(self) -> ActiveAction:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _ended(self) -> ActiveAction:
        """Remove and return the action whose block ends here: the last one that the same frame began.

        An ExitStack ends a block in another frame: then it is the innermost that is under way in this context, or else
        the last one.
        """
        frame = caller_of(__file__)
        open_blocks = tuple(self._open)
        found = next((one for one in reversed(open_blocks) if one[1] is frame), None)
        around = current_action()
        while found is None and around is not None:
            found = next((one for one in open_blocks if one[0] is around), None)
            around = around.parent
        found = found or open_blocks[-1]
        self._open.remove(found)
        return found[0]


if TYPE_CHECKING:

    @overload
    def action(name: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def action(
        name: str | None = None,
        *,
        kind: Kind = "call",
        cost: Amount | Callable[[Any], Amount | None] | None = None,
        tags: Sequence[str] = (),
        impact: Impact | None = None,
        effect: Effect | None = None,
        actor: str | None = None,
        redact: Redact | None = None,
    ) -> Action: ...


def action(
    name: Callable[..., Any] | str | None = None,
    *,
    kind: Kind = "call",
    cost: Amount | Callable[[Any], Amount | None] | None = None,
    tags: Sequence[str] = (),
    impact: Impact | None = None,
    effect: Effect | None = None,
    actor: str | None = None,
    redact: Redact | None = None,
) -> Any:
    """Record the calls of a function, or a `with` block, as actions; the code runs as it would without.

    The output of a generator is the list of its items. An exception is recorded and propagates unchanged.

    Args:
        name: by default the function's; a `with` block should have one.
        kind: "tool" and "model" for calls of these, "agent" and "step" for groups of actions.
        cost: US dollars of one call; or a function that returns them for the result.
        impact: how much harm a call can do: "read", "low", "medium" or "high".
        effect: "external" when it changes something outside of the process, which a replay must not repeat.
        actor: the sub-agent that acts; by default the run's agent.
        redact: which of its data never leaves the process.

    Raises:
        ValueError: `kind`, `impact` or `effect` is unknown, or `cost` is not a cost.
        TypeError: `tags` is one text, `redact` is no Redact, or the decorated object is a class, a property or not
            callable.
    """
    check_choice("kind", kind, _KINDS)
    check_choice("impact", impact, _IMPACTS)
    check_choice("effect", effect, _EFFECTS)
    check_tags(tags)
    check_redact(redact)
    if cost is not None and not callable(cost) and usd(cost) is None:
        raise ValueError(f"cost={cost!r}: expected US dollars from 0 to {LARGEST_USD:,}, or a function of the result")
    config = ActionConfig(
        *(name if isinstance(name, str) else None, kind),
        cost=cost,
        tags=tuple(tags),
        impact=impact,
        effect=effect,
        actor=actor,
        redact=redact,
    )
    return Action(config) if name is None or isinstance(name, str) else recorded(name, config)


class turn(Action):  # noqa: N801  # used as a function: `with turn("What is …?") as act`
    """One turn of a conversation; actions in the block belong to it.

        with titan_sdk.turn("What is the capital of Austria?") as turn:
            turn.set_output(answer)

    Args:
        said: the message that the turn answers; `set_input` may set it later.
        name: a display name.
        actor: the sub-agent that speaks; by default the run's agent.
        redact: which of its data never leaves the process.
    """

    __slots__ = ("_said",)

    def __init__(
        self,
        said: object = None,
        *,
        name: str = "turn",
        actor: str | None = None,
        tags: Sequence[str] = (),
        redact: Redact | None = None,
    ) -> None:
        check_tags(tags)
        check_redact(redact)
        super().__init__(ActionConfig(name, "turn", actor=actor, tags=tuple(tags), redact=redact))
        self._said = said

    def __enter__(self) -> ActiveAction:
        act = super().__enter__()
        if self._said is not None:
            act.set_input(self._said)
        return act


def headers() -> dict[str, str]:
    """Return headers that put a request to the model endpoint into the caller's run, below the current action.

        client.chat.completions.create(model="default", messages=[…], extra_headers=titan_sdk.headers())

    Call it for each request: as a client's `default_headers` they would name the place where the client was made. Empty
    where nothing is recorded, and where a header cannot carry an id.
    """
    act = current_action()
    if not process.is_recording() or process.is_replay():
        return {}
    return _headers_of(act.run if act is not None else current_run(), act)


def headers_here() -> dict[str, str]:
    """Return the same, but begin no run where none is open."""
    act = current_action()
    return {} if process.is_replay() else _headers_of(act.run if act is not None else open_run(), act)


def _headers_of(run: Run | None, act: ActiveAction | None) -> dict[str, str]:
    values = {
        "X-Titan-Run-Id": run.id if run else None,
        "X-Titan-Agent-Id": run.agent_id if run else None,
        "X-Titan-Parent-Id": act.id if act else None,
    }
    found = {name: value for name, value in values.items() if value is not None}
    is_sendable = all(value.isascii() and value.isprintable() for value in found.values())
    return (found if is_sendable else {}) | project_header(run.project if run else os.environ.get(PROJECT))


_current: ContextVar[ActiveAction | None] = ContextVar("titan_action", default=None)


def recorded(function: Any, config: ActionConfig) -> Any:
    """Return a function of the same kind (plain, coroutine, generator, asynchronous generator), recorded.

    Raises:
        TypeError: it is not a function.
    """
    if isinstance(function, staticmethod | classmethod):
        return type(function)(recorded(function.__func__, config))
    check_function(function)
    config = config.of(function)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        from titan_sdk.recording import streams

        return streams.recorded(function, config)
    if inspect.iscoroutinefunction(function):
        return _recorded_coroutine(function, config)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        act = begin(config, args, kwargs, place=place_of(_getframe().f_back))
        try:
            answers = process.answers()
            result = function(*args, **kwargs) if answers is None else answers.call(act, function, args, kwargs)
        except BaseException as error:
            fail(act, error)
            raise
        if type(result) in DEFERRED:
            from titan_sdk.recording import streams

            if streams.ends_later(result):
                return streams.ending_later(act, result)
        succeed(act, result)
        return result

    # Other decorators' methods stay callable, such as `cache_clear` of `functools.lru_cache`. Data that is not in
    # `__dict__` is not copied: it would stay as it is now.
    kind = type(function)
    for name in dir(kind):
        if not name.startswith("_") and not hasattr(call, name) and callable(inspect.getattr_static(kind, name)):
            setattr(call, name, getattr(function, name))
    return call


def _recorded_coroutine(function: Callable[..., Any], config: ActionConfig) -> Any:
    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        act = begin(config, args, kwargs, place=place_of(_getframe().f_back))
        try:
            answers = process.answers()
            given = function(*args, **kwargs) if answers is None else answers.call_later(act, function, args, kwargs)
            result = await given
        except BaseException as error:
            fail(act, error)
            raise
        if type(result) in DEFERRED:
            from titan_sdk.recording import streams

            if streams.ends_later(result):
                return streams.ending_later(act, result)
        succeed(act, result)
        return result

    return call


def begin(
    config: ActionConfig,
    args: tuple[object, ...] = (),
    kwargs: Mapping[str, object] | None = None,
    *,
    place: Place | None = None,
) -> ActiveAction:
    """Begin an action and make it the current one. `kwargs` is None where it is no call of a function."""
    act = ActiveAction(config, current_run(), _current.get(), place)
    if kwargs is not None and config.keeps_inputs:
        given = args[1:] if config.is_method else args
        shown = {name: as_it_is(value) for name, value in kwargs.items()} if kwargs else {}
        act.inputs = config.parameters.named([as_it_is(arg) for arg in given], shown)
        act.has_inputs = True
    act.is_lost = not process.offer(act)
    resume(act)
    return act


def succeed(act: ActiveAction, *result: object) -> None:
    """End an action successfully; `result` is what a call returned."""
    act.duration_ns = perf_counter_ns() - act._clock
    leave(act)
    if result and not act.has_outputs and act.config.keeps_outputs:
        act.outputs = as_it_is(result[0])
        act.has_outputs = True
    if act.cost is None:
        act.cost = act.config.cost_of(result[0] if result else None)
    _end(act, act.outcome or "success")


def fail(act: ActiveAction, error: BaseException) -> None:
    """End an action with the exception that left it; neither the exception nor its frames are kept alive."""
    act.duration_ns = perf_counter_ns() - act._clock
    leave(act)
    act.error = as_it_is(error)
    act.frames = frames_of(error)
    if act.cost is None and not callable(act.config.cost):
        act.cost = act.config.cost
    _end(act, "error")


def cut(act: ActiveAction, why: str, at_clock_ns: int) -> None:
    """End an action that is still under way as its program ends."""
    if not act.has_ended:
        act.duration_ns = max(0, at_clock_ns - act._clock)
        if act.config.effect == "external":
            why = f"interrupted, so whether it took effect is not known: {why}"
        act.error = as_it_is(ProgramEnded(why))
        _end(act, "error")


class ProgramEnded(Exception):
    """The recorded error of an action that was under way when its program ended."""


def current_action() -> ActiveAction | None:
    """Return the action that is under way here."""
    return _current.get()


def resume(act: ActiveAction | None) -> None:
    """Make an action the current one, or none; in place of one that is not recorded, its parent."""
    _current.set(act.parent if act is not None and act.is_lost else act)


def leave(act: ActiveAction) -> None:
    """Make the action's parent the current one, if the action itself is: it may end in another context."""
    if _current.get() is act:
        _current.set(act.parent)


def _end(act: ActiveAction, outcome: Outcome) -> None:
    act.outcome = outcome
    act.has_ended = True
    # The order counts: `entry` sets `is_begin_reported` first and then reads `has_ended`.
    if act.is_begin_reported:
        process.put(act)
