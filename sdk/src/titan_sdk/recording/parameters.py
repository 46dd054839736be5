"""What the arguments of a call are called: the names of the function's parameters, however the caller wrote them.

    def login(user, password="", *groups, **more): …

    login("bob", password="…")          {"user": "bob", "password": "…"}
    login("bob", "…", "staff", age=7)   {"user": "bob", "password": "…", "groups": ["staff"], "more": {"age": 7}}

Only so can a secret be known by its parameter's name, and are two calls with equal arguments seen to be equal. What
was not given is left out: a default may be anything, such as a client of a service, and is the function's, not the
call's.
"""

from __future__ import annotations

import inspect
import sys
from importlib import import_module

from titan_sdk.tape import compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["Parameters", "parameters_of"]

#: Of a call that raises, because the function takes no such arguments. No parameter can be called so.
_SURPLUS, _UNKNOWN = "*", "**"
_READS_ANNOTATIONS = sys.hexversion >= 0x030E0000


class Parameters:
    """The names of one function's parameters; without any, arguments are recorded as `args` and `kwargs`."""

    __slots__ = ("_by_keyword", "_is_known", "_others", "_rest", "positional", "text")

    def __init__(
        self,
        positional: tuple[str, ...] = (),
        by_keyword: frozenset[str] = frozenset(),
        rest: str | None = "args",
        others: str | None = "kwargs",
        *,
        is_known: bool = False,
    ) -> None:
        #: those that a call may give by their places, in that order
        self.positional = positional
        #: the same as JSON
        self.text = compact_json(positional)
        self._by_keyword = by_keyword
        self._rest = rest or _SURPLUS
        self._others = others or _UNKNOWN
        self._is_known = is_known

    def without_first(self) -> Parameters:
        """Return them without the first one, which is the object of a method."""
        first, *others = self.positional
        return Parameters(tuple(others), self._by_keyword - {first}, self._rest, self._others, is_known=self._is_known)

    def named(self, args: list[object], kwargs: Mapping[str, object]) -> dict[str, object]:
        """Return the arguments of a call by their parameters' names; with those that the function does not take."""
        if not self._is_known:
            return {"args": args, "kwargs": kwargs}
        named = dict(zip(self.positional, args, strict=False))
        if len(args) > len(self.positional):
            named[self._rest] = args[len(self.positional) :]
        others = {}
        for name, value in kwargs.items():
            if name in self._by_keyword and name not in named:
                named[name] = value
            else:
                others[name] = value
        if others:
            named[self._others] = others
        return named

    def arguments(self, named: Mapping[str, Any]) -> tuple[list[object], dict[str, object]]:
        """Return the call whose arguments have these names: the inverse of `named`."""
        if not self._is_known:
            return list(named["args"]), dict(named["kwargs"])
        args = [named[name] for name in self.positional if name in named]
        rest, others = named.get(self._rest, ()), named.get(self._others, {})
        apart = {*self.positional, self._rest, self._others}
        return [*args, *rest], {**{name: value for name, value in named.items() if name not in apart}, **others}


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """Return the names of a function's parameters, also where another decorator has wrapped it; none of some in C."""
    try:
        found = _signature(function).parameters.values()
    except (ValueError, TypeError, NameError):
        return Parameters()
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    by_keyword = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return Parameters(
        tuple(each.name for each in found if each.kind in by_place),
        frozenset(each.name for each in found if each.kind in by_keyword),
        next((each.name for each in found if each.kind is inspect.Parameter.VAR_POSITIONAL), None),
        next((each.name for each in found if each.kind is inspect.Parameter.VAR_KEYWORD), None),
        is_known=True,
    )


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if not _READS_ANNOTATIONS:
        return inspect.signature(function)
    form = import_module("annotationlib").Format.FORWARDREF  # they may name what is not there yet
    read: Any = inspect.signature
    found: inspect.Signature = read(function, annotation_format=form)
    return found
