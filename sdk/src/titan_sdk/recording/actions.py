"""Actions as the program sees them: `@action`, `with action(…) as act`, `with turn(…)`.

    @titan_sdk.action                                     # named for the function
    def search(query: str) -> list[str]: …

    @titan_sdk.action("charge", cost=0.02, impact="high", effect="external", tags=["billing"])
    async def charge(card: Card, amount: Decimal) -> Receipt: …

    with titan_sdk.action("rank", kind="model") as act:
        act.set_input(documents)
        act.set_output(ranked := rank(documents))

An action that is begun inside another one has it as its parent: in the same thread or task, in tasks that are created
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

from titan_sdk.recording import process
from titan_sdk.recording.callsites import caller_of, place_of
from titan_sdk.recording.encoding import LARGEST_USD, ActionConfig, entry_of, usd
from titan_sdk.recording.entry import Lost
from titan_sdk.recording.redact import check_redact
from titan_sdk.recording.reprs import as_it_is
from titan_sdk.recording.runs import current_run
from titan_sdk.recording.tasks import task_path
from titan_sdk.recording.tracebacks import frames_of
from titan_sdk.recording.validation import check_choice, check_function, check_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal
    from types import FrameType, TracebackType
    from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar, overload

    from titan_sdk.recording.callsites import Place
    from titan_sdk.recording.encoding import Outcome
    from titan_sdk.recording.entry import Entry
    from titan_sdk.recording.redact import Redact
    from titan_sdk.recording.runs import Run
    from titan_sdk.recording.tracebacks import Frame

    P = ParamSpec("P")
    R = TypeVar("R")

    Amount: TypeAlias = int | float | str | Decimal
    Kind: TypeAlias = Literal["call", "tool", "model", "agent", "step", "turn", "thought", "handoff", "event"]
    Impact: TypeAlias = Literal["read", "low", "medium", "high"]
    Effect: TypeAlias = Literal["external", "local"]

__all__ = ["LATER", "Action", "ActiveAction", "action", "begun", "current_action", "cut", "fail", "leave"]
__all__ += ["resume", "succeed", "turn"]

_KINDS = ("call", "tool", "model", "agent", "step", "turn", "thought", "handoff", "event")
_IMPACTS = ("read", "low", "medium", "high")
_EFFECTS = ("external", "local")
#: What a call may give back that has yet to do its work; see `titan_sdk.recording.awaitables`.
LATER = frozenset({GeneratorType, CoroutineType, AsyncGeneratorType})


class ActiveAction:
    """One action that is under way."""

    __slots__ = (
        *("plan", "id", "run", "parent", "parent_id", "started_at_ns", "duration_ns", "task", "thread", "place"),
        *("inputs", "has_inputs", "outputs", "has_outputs", "error", "frames", "outcome", "cost", "use", "tags"),
        *("attributes", "has_ended", "is_begin_reported", "is_end_reported", "is_lost", "are_inputs_reported"),
        *("uses_titan", "_clock"),
    )

    def __init__(self, plan: ActionConfig, run: Run, parent: ActiveAction | None, place: Place | None = None) -> None:
        self.plan = plan
        #: where it was called
        self.place = place
        self.id = os.urandom(16).hex()
        self.run = run
        self.parent_id = parent.id if parent is not None and parent.run is run else None
        #: The nearest around it that is under way: of tasks that begin one another, those that have ended are released
        self.parent = nearest = None if parent is None else _under_way(parent)
        if nearest is not None and nearest.parent is not None:
            nearest.parent = _under_way(nearest.parent)
        thread = current_thread()
        #: its name; None: the main one
        self.thread = None if thread is main_thread() else thread.name
        #: where in the program: `titan_sdk.recording.tasks`
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
        """Say what the action was called with; as of now, whatever becomes of the values later."""
        self.inputs = {"args": [as_it_is(arg) for arg in args], "kwargs": {k: as_it_is(v) for k, v in kwargs.items()}}
        self.has_inputs = True
        self.are_inputs_reported = False

    def set_output(self, value: object) -> None:
        """Say what the action gave; of a function that returns, this wins over what it returns."""
        self.outputs = as_it_is(value)
        self.has_outputs = True

    def set_cost(self, usd: Amount) -> None:
        """Say what the action cost, in US dollars; of a text or a Decimal 12 decimals are kept, a picodollar."""
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
        """Say which language model was called, and what it took; the server knows the price of most."""
        said: dict[str, object] = {"model": model, "provider": provider, "response_id": response_id}
        said |= {"input_tokens": input_tokens, "output_tokens": output_tokens, "reasoning_tokens": reasoning_tokens}
        said |= {"cache_read_tokens": cache_read_tokens, "cache_write_tokens": cache_write_tokens}
        self.use = {name: value for name, value in said.items() if value is not None}

    def tag(self, *tags: str) -> None:
        """Add words to find the action by."""
        self.tags = [*(self.tags or ()), *tags]

    @property
    def lost(self) -> Lost:
        """What is counted where it cannot be recorded."""
        return Lost(self.run.id, self.started_at_ns)

    def entry(self) -> Entry | None:
        """Return what is to be reported of it now: its beginning, its end, or both at once."""
        if not self.has_ended:
            process.under_way(self.id, partial(cut, self))
        self.is_begin_reported, is_first = True, not self.is_begin_reported
        if self.has_ended:
            process.over(self.id)
        if self.is_end_reported or not (is_first or self.has_ended):
            return None
        self.is_end_reported = self.has_ended
        entry = entry_of(self)
        if self.is_end_reported:
            self.inputs = self.outputs = self.error = None  # others may hold it longer, as a task that it began does
            self.frames = ()
        return entry


def _under_way(act: ActiveAction | None) -> ActiveAction | None:
    while act is not None and act.has_ended:
        act = act.parent
    return act


class Action:
    """How actions of one kind are recorded: a decorator, and a context manager. See `action`."""

    __slots__ = ("_open", "_plan")

    def __init__(self, plan: ActionConfig) -> None:
        self._plan = plan
        #: What this one object began and has not ended, in tasks and threads at once, each with the frame it stands in.
        self._open: list[tuple[ActiveAction, FrameType | None]] = []

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function with each of its calls recorded."""
        same: Callable[P, R] = recorded(function, self._plan)
        return same

    def __enter__(self) -> ActiveAction:
        frame = caller_of(__file__)
        act = begun(self._plan, place=place_of(frame))
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
        """Take out the action whose block ends here.

        It is the last one that the same frame began. An ExitStack ends a block in another frame: then it is the
        innermost that is under way in this context, or else the last one.
        """
        frame = caller_of(__file__)
        begun = tuple(self._open)
        found = next((one for one in reversed(begun) if one[1] is frame), None)
        around = current_action()
        while found is None and around is not None:
            found = next((one for one in begun if one[0] is around), None)
            around = around.parent
        found = found or begun[-1]
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

    Of generators, the items they give are the outputs; of a call that raises, the exception, which goes on untouched.

    Args:
        name: by default the function's; of a `with` block it should be given.
        kind: "tool" and "model" for calls of these, "agent" and "step" for what groups others.
        cost: US dollars of one call; or a function that tells it from the result.
        impact: how much harm a call can do: "read", "low", "medium" or "high".
        effect: "external" when it changes something outside of the process, which a replay must not repeat.
        actor: the sub-agent that acts; by default the run's agent.
        redact: what of its data never leaves the process.

    Raises:
        ValueError: `kind`, `impact` or `effect` is none of the words, or `cost` is no cost.
        TypeError: `tags` is one text, `redact` is no Redact, or what is decorated is a class, a property or nothing
            that can be called.
    """
    check_choice("kind", kind, _KINDS)
    check_choice("impact", impact, _IMPACTS)
    check_choice("effect", effect, _EFFECTS)
    check_tags(tags)
    check_redact(redact)
    if cost is not None and not callable(cost) and usd(cost) is None:
        raise ValueError(f"cost={cost!r}: expected US dollars from 0 to {LARGEST_USD:,}, or a function of the result")
    plan = ActionConfig(
        *(name if isinstance(name, str) else None, kind),
        cost=cost,
        tags=tuple(tags),
        impact=impact,
        effect=effect,
        actor=actor,
        redact=redact,
    )
    return Action(plan) if name is None or isinstance(name, str) else recorded(name, plan)


class turn(Action):  # noqa: N801  # used as a function: `with turn("What is …?") as act`
    """One turn of a conversation: what happens in the block belongs to it.

        with titan_sdk.turn("What is the capital of Austria?") as turn:
            turn.set_output(answer)

    Args:
        said: what it answers to; `set_input` may say it later.
        name: a title for people.
        actor: the sub-agent that speaks; by default the run's agent.
        redact: what of its data never leaves the process.
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


_current: ContextVar[ActiveAction | None] = ContextVar("titan_action", default=None)


def recorded(function: Any, plan: ActionConfig) -> Any:
    """Return a function of the same kind (plain, coroutine, generator, asynchronous generator), recorded.

    Raises:
        TypeError: it is none.
    """
    if isinstance(function, staticmethod | classmethod):
        return type(function)(recorded(function.__func__, plan))
    check_function(function)
    plan = plan.of(function)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        from titan_sdk.recording import streams

        return streams.recorded(function, plan)
    if inspect.iscoroutinefunction(function):
        return _recorded_coroutine(function, plan)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        act = begun(plan, args, kwargs, place=place_of(_getframe().f_back))
        try:
            answers = process.answers()
            result = function(*args, **kwargs) if answers is None else answers.call(act, function, args, kwargs)
        except BaseException as error:
            fail(act, error)
            raise
        if type(result) in LATER:
            from titan_sdk.recording import awaitables

            if awaitables.ends_later(result):
                return awaitables.ending_later(act, result)
        succeed(act, result)
        return result

    _pass_on_methods(function, call)
    return call


def _pass_on_methods(function: Callable[..., Any], call: Callable[..., Any]) -> None:
    """Give the recorded function what else can be called of the one below, as `cache_clear` of `functools.lru_cache`.

    Its data that is no `__dict__` is not passed on: it would stay as it is now.
    """
    kind = type(function)
    for name in dir(kind):
        if not name.startswith("_") and not hasattr(call, name) and callable(inspect.getattr_static(kind, name)):
            setattr(call, name, getattr(function, name))


def _recorded_coroutine(function: Callable[..., Any], plan: ActionConfig) -> Any:
    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        act = begun(plan, args, kwargs, place=place_of(_getframe().f_back))
        try:
            answers = process.answers()
            given = function(*args, **kwargs) if answers is None else answers.call_later(act, function, args, kwargs)
            result = await given
        except BaseException as error:
            fail(act, error)
            raise
        if type(result) in LATER:
            from titan_sdk.recording import awaitables

            if awaitables.ends_later(result):
                return awaitables.ending_later(act, result)
        succeed(act, result)
        return result

    return call


def begun(
    plan: ActionConfig,
    args: tuple[object, ...] = (),
    kwargs: Mapping[str, object] | None = None,
    *,
    place: Place | None = None,
) -> ActiveAction:
    """Return a new action, the current one from now on. `kwargs` is None for what is no call of a function."""
    act = ActiveAction(plan, current_run(), _current.get(), place)
    if kwargs is not None and plan.keeps_inputs:
        given = args[1:] if plan.is_method else args
        shown = {name: as_it_is(value) for name, value in kwargs.items()} if kwargs else {}
        act.inputs = plan.parameters.named([as_it_is(arg) for arg in given], shown)
        act.has_inputs = True
    act.is_lost = not process.offer(act)
    resume(act)
    return act


def succeed(act: ActiveAction, *result: object) -> None:
    """End an action well; `result` is what it returned, if it is a call."""
    act.duration_ns = perf_counter_ns() - act._clock
    leave(act)
    if result and not act.has_outputs and act.plan.keeps_outputs:
        act.outputs = as_it_is(result[0])
        act.has_outputs = True
    if act.cost is None:
        act.cost = act.plan.cost_of(result[0] if result else None)
    _end(act, act.outcome or "success")


def fail(act: ActiveAction, error: BaseException) -> None:
    """End an action with the exception that left it. The exception itself is not kept, nor are its frames."""
    act.duration_ns = perf_counter_ns() - act._clock
    leave(act)
    act.error = as_it_is(error)
    act.frames = frames_of(error)
    if act.cost is None and not callable(act.plan.cost):
        act.cost = act.plan.cost
    _end(act, "error")


def cut(act: ActiveAction, why: str, at_clock_ns: int) -> None:
    """End an action that the program did not: it is at its own end."""
    if not act.has_ended:
        act.duration_ns = max(0, at_clock_ns - act._clock)
        act.error = as_it_is(ProgramEnded(why))
        _end(act, "error")


class ProgramEnded(Exception):
    """What an action has failed with that was under way when its program came to its end."""


def current_action() -> ActiveAction | None:
    """Return the action that is under way here."""
    return _current.get()


def resume(act: ActiveAction | None) -> None:
    """Make an action the current one, or none. In one that will not be recorded, its parent is."""
    _current.set(act.parent if act is not None and act.is_lost else act)


def leave(act: ActiveAction) -> None:
    """Make the action's parent the current one, where the action itself is: an end may come in another context."""
    if _current.get() is act:
        _current.set(act.parent)


def _end(act: ActiveAction, outcome: Outcome) -> None:
    act.outcome = outcome
    act.has_ended = True
    # The order counts: whoever reports it sets `is_begin_reported` first and looks at `has_ended` then.
    if act.is_begin_reported:
        process.put(act)
