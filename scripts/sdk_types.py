"""Write what the SDK sends and gets as TypedDicts, from the structs of `titan.wire`: sdk/src/titan_sdk/wire.py.

The SDK imports nothing of Titan, so its types cannot be the structs themselves. A test of style holds the file current.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import inspect

from titan.wire.events import EventView
from titan.wire.runs import RunDetailView
from titan.wire.work import (
    Cancelled,
    DagView,
    GateView,
    JobView,
    NewJobBody,
    OrchestratorBody,
    Resumed,
    Retried,
    Submitted,
)

FILE: Final = Path(__file__).resolve().parent.parent / "sdk" / "src" / "titan_sdk" / "wire.py"
HEAD: Final = '''"""The shapes that travel between client and server, for type checkers and readers.

Times are RFC 3339 strings in UTC. Written by scripts/sdk_types.py from the server's own; do not edit it. This module is
imported by type checkers only: building TypedDicts costs start-up.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict
'''
REQUESTS: Final = (NewJobBody, OrchestratorBody)
ANSWERS: Final = (Submitted, JobView, DagView, RunDetailView, Cancelled, GateView, Retried, Resumed, EventView)
NAMES: Final = {"NewJobBody": "JobItem", "Submitted": "SubmittedDag", "RunDetailView": "Run"}
#: Of an event that tells of missed ones, `resync`, there is no more than these.
ALWAYS_OF_EVENTS: Final = frozenset({"cursor", "kind"})
_PLAIN: Final[dict[type, str]] = {
    inspect.StrType: "str",
    inspect.BoolType: "bool",
    inspect.IntType: "int",
    inspect.FloatType: "float",
    inspect.DateTimeType: "str",
    inspect.DecimalType: "str",
    inspect.BytesType: "str",
    inspect.NoneType: "None",
    inspect.EnumType: "str",
    inspect.LiteralType: "str",
    inspect.RawType: "Any",
    inspect.AnyType: "Any",
}


def written() -> str:
    """Return the module's text."""
    kinds: dict[str, str] = {}
    for shape in (*REQUESTS, *ANSWERS):
        _describe(inspect.type_info(shape), kinds, is_request=shape in REQUESTS)
    return "\n\n".join([HEAD, *(f"{text}\n" for text in kinds.values())]).rstrip("\n") + "\n"


def _name(of: type) -> str:
    return NAMES.get(of.__name__, re.sub(r"(View|Body)$", "", of.__name__))


def _describe(kind: Any, kinds: dict[str, str], *, is_request: bool) -> str:
    """Return the name of a struct's TypedDict, which is added to `kinds` behind those that it refers to."""
    name = _name(kind.cls)
    if name not in kinds:
        doc = msgspec.json.schema(kind.cls)["$defs"][kind.cls.__name__]["description"].splitlines()[0]
        lines = [f"class {name}(TypedDict):", f'    """{doc}"""', ""]
        for field in kind.fields:
            lines += _field(field, kinds, name, is_request=is_request)
        kinds[name] = "\n".join(lines)
    return name


def _field(field: inspect.Field, kinds: dict[str, str], of: str, *, is_request: bool) -> Iterator[str]:
    described, told = _without_metadata(field.type)
    parts = list(described.types) if isinstance(described, inspect.UnionType) else [described]
    words = [word for part in parts for word in _words_of(part)]
    told = told or next(filter(None, (_without_metadata(part)[1] for part in parts)), "")
    note = " ".join(filter(None, [told, f"One of {', '.join(words)}." if words else ""]))
    for line in textwrap.wrap(note, 110):
        yield f"    #: {line}"
    can_be_unset = not field.required and {field.default, field.default_factory} == {msgspec.NODEFAULT}
    is_optional = can_be_unset or (is_request and not field.required)
    shown = [_type(part, kinds, is_request=is_request) for part in parts]
    value = " | ".join(dict.fromkeys(sorted(shown, key="None".__eq__)))
    if is_optional or (of == "Event" and field.encode_name not in ALWAYS_OF_EVENTS):
        value = f"NotRequired[{value}]"
    yield f"    {field.encode_name}: {value}"


def _without_metadata(kind: Any) -> tuple[Any, str]:
    told = ""
    while isinstance(kind, inspect.Metadata):
        told = told or (kind.extra_json_schema or {}).get("description", "")
        kind = kind.type
    return kind, told


def _words_of(kind: Any) -> list[str]:
    kind, _ = _without_metadata(kind)
    if isinstance(kind, inspect.EnumType):
        return [str(member.value) for member in kind.cls]
    return [str(value) for value in kind.values] if isinstance(kind, inspect.LiteralType) else []


def _type(kind: Any, kinds: dict[str, str], *, is_request: bool) -> str:
    kind, _ = _without_metadata(kind)
    if isinstance(kind, inspect.StructType | inspect.DataclassType):
        return _describe(kind, kinds, is_request=is_request)
    if isinstance(kind, inspect.DictType):
        return f"dict[str, {_type(kind.value_type, kinds, is_request=is_request)}]"
    if isinstance(kind, inspect.CollectionType):
        return f"list[{_type(kind.item_type, kinds, is_request=is_request)}]"
    if isinstance(kind, inspect.UnionType):
        return " | ".join(_type(part, kinds, is_request=is_request) for part in kind.types)
    return _PLAIN[type(kind)]


if __name__ == "__main__":
    FILE.write_text(written(), "utf-8")
    sys.stdout.write(f"wrote {FILE}\n")
