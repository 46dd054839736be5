"""Read the tools of a tau2-bench domain from its Python source, which is parsed and never run.

A method under `@is_tool(ToolType.READ)` is a tool; its annotations and docstring are its schema. What its body does is
known where it returns one row of the database, all rows of a collection, or a constant; such a tool is declared. The
others are simulated by a model, which is shown their source.
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_TYPES: Final[Mapping[str, str]] = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    "Dict": "object",
    "list": "array",
    "List": "array",
}
_DEEPEST: Final = 8  # models within models
_ARGUMENT: Final = re.compile(r"^\s*(\w+)(?: \([^)]*\))?:\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Row:
    """A tool that returns the row of a collection whose `id_field` (None: whose key) equals an argument."""

    collection: str
    argument: str
    id_field: str | None = None
    message: str = ""  #: when there is none, with the argument in braces


@dataclass(frozen=True, slots=True)
class Rows:
    """A tool that returns all rows of a collection."""

    collection: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A tool that returns a constant."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTool:
    """A tool read from its source."""

    name: str
    kind: str  #: read, write, think, generic
    description: str
    input_schema: dict[str, Any]
    answers: Row | Rows | Constant | None  #: None: its body does more than can be declared
    source: str


@dataclass(frozen=True, slots=True)
class _Types:
    """The types of names in annotations."""

    aliases: Mapping[str, ast.expr] = field(default_factory=dict)
    classes: Mapping[str, ast.ClassDef] = field(default_factory=dict)


def read_tools(source: str, models: str = "") -> list[SourceTool]:
    """Return the tools of a `tools.py`; `models` is the source of its types.

    Raises:
        SyntaxError: a text is no Python.
    """
    tree = ast.parse(source)
    types = _types_of([ast.parse(models), tree])
    methods = {
        node.name: node
        for found in tree.body
        if isinstance(found, ast.ClassDef)
        for node in found.body
        if isinstance(node, ast.FunctionDef)
    }
    tools = []
    for method in methods.values():
        kind = _kind(method)
        if kind is None:
            continue
        summary, arguments = _documented(method)
        tools.append(
            SourceTool(
                name=method.name,
                kind=kind,
                description=summary,
                input_schema=_input_schema(method, arguments, types),
                answers=_answers(method, methods),
                source=ast.unparse(method),
            )
        )
    return tools


def helpers_of(source: str) -> str:
    """Return the source of the helpers in a `tools.py`."""
    tree = ast.parse(source)
    found = (
        node
        for one in tree.body
        if isinstance(one, ast.ClassDef)
        for node in one.body
        if isinstance(node, ast.FunctionDef) and _kind(node) is None and node.name != "__init__"
    )
    return "\n\n".join(ast.unparse(node) for node in found)


def _kind(method: ast.FunctionDef) -> str | None:
    for decorator in method.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(call, ast.Name) and call.id == "is_tool":
            kinds = decorator.args if isinstance(decorator, ast.Call) else []
            return kinds[0].attr.lower() if kinds and isinstance(kinds[0], ast.Attribute) else "read"
    return None


def _documented(method: ast.FunctionDef) -> tuple[str, dict[str, str]]:
    """Return the descriptions of a tool and its arguments from a docstring."""
    text = inspect.cleandoc(ast.get_docstring(method) or "")
    head, _, rest = text.partition("\nArgs:")
    arguments: dict[str, str] = {}
    name = ""
    for line in re.split(r"\n(?:Returns|Raises|Yields):", rest)[0].splitlines():
        found = _ARGUMENT.match(line)
        if found and len(line) - len(line.lstrip()) <= 4:
            name = found[1]
            arguments[name] = found[2]
        elif name and line.strip():
            arguments[name] += f" {line.strip()}"
    return re.split(r"\n(?:Returns|Raises):", head)[0].strip(), arguments


# --- schemas ---


def _types_of(trees: Sequence[ast.Module]) -> _Types:
    aliases: dict[str, ast.expr] = {}
    classes: dict[str, ast.ClassDef] = {}
    for node in (node for tree in trees for node in tree.body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                aliases[name] = value
            case ast.ClassDef(name=name):
                classes[name] = node
    return _Types(aliases, classes)


def _input_schema(method: ast.FunctionDef, described: Mapping[str, str], types: _Types) -> dict[str, Any]:
    arguments = method.args.args[1:]
    has_default = dict(zip(reversed(arguments), reversed(method.args.defaults), strict=False))
    properties: dict[str, Any] = {}
    for one in arguments:
        schema = {} if one.annotation is None else _schema(one.annotation, types)
        if one.arg in described:
            schema = {**schema, "description": described[one.arg]}
        properties[one.arg] = schema
    required = [one.arg for one in arguments if one not in has_default]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _schema(annotation: ast.expr, types: _Types, depth: int = 0) -> dict[str, Any]:
    """Return the JSON schema of an annotation; `{}`, which accepts anything, for an unknown one."""
    if depth > _DEEPEST:
        return {}
    match annotation:
        case ast.Name(id=name):
            return _schema_of_name(name, types, depth)
        case ast.Subscript(value=ast.Name(id=name), slice=inner):
            return _schema_of_generic(name, inner, types, depth)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _any_of([left, right], types, depth)
        case ast.Constant(value=str(text)):
            return _schema(ast.parse(text, mode="eval").body, types, depth + 1)
        case ast.Constant(value=None):
            return {"type": "null"}
    return {}


def _schema_of_name(name: str, types: _Types, depth: int) -> dict[str, Any]:
    if name in _TYPES:
        return {"type": _TYPES[name]}
    if name in types.aliases:
        return _schema(types.aliases[name], types, depth + 1)
    return _schema_of_class(types.classes[name], types, depth + 1) if name in types.classes else {}


def _schema_of_generic(name: str, inner: ast.expr, types: _Types, depth: int) -> dict[str, Any]:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    match name:
        case "Literal":
            return {"enum": [one.value for one in parts if isinstance(one, ast.Constant)]}
        case "Annotated":
            return _schema(parts[0], types, depth + 1)
        case "List" | "list":
            return {"type": "array", "items": _schema(inner, types, depth + 1)}
        case "Dict" | "dict":
            return {"type": "object"}
        case "Optional":
            return _any_of([inner, ast.Constant(value=None)], types, depth)
        case "Union":
            return _any_of(parts, types, depth)
    return {}


def _any_of(parts: Sequence[ast.expr], types: _Types, depth: int) -> dict[str, Any]:
    schemas = [_schema(one, types, depth + 1) for one in parts]
    return {} if {} in schemas else {"anyOf": schemas}


def _schema_of_class(found: ast.ClassDef, types: _Types, depth: int) -> dict[str, Any]:
    bases = [base.id for base in found.bases if isinstance(base, ast.Name)]
    if "Enum" in bases or "StrEnum" in bases:
        return {"enum": [one.value.value for one in found.body if _is_member(one)]}  # type: ignore[attr-defined]
    properties: dict[str, Any] = {}
    required: list[str] = []
    for base in bases:
        if base in types.classes:
            inherited = _schema_of_class(types.classes[base], types, depth + 1)
            properties |= inherited.get("properties", {})
            required += inherited.get("required", [])
    for node in found.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            properties[node.target.id] = _schema(node.annotation, types, depth + 1)
            if not _has_default(node.value):
                required.append(node.target.id)
    return {"type": "object", "properties": properties, "required": list(dict.fromkeys(required))}


def _is_member(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)


def _has_default(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):  # Field(...)
        first = [one for one in value.args if not (isinstance(one, ast.Constant) and one.value is ...)]
        return bool(first) or any(one.arg in ("default", "default_factory") for one in value.keywords)
    return value is not None


# --- what a body returns ---


def _answers(method: ast.FunctionDef, methods: Mapping[str, ast.FunctionDef]) -> Row | Rows | Constant | None:
    body = _statements(method)
    match body:
        case [ast.Return(value=ast.Constant(value=value))]:
            return Constant(value)
        case [
            ast.Return(
                value=ast.Call(
                    func=ast.Name(id="list"), args=[ast.Call(func=ast.Attribute(value=inner, attr="values"), args=[])]
                )
            )
        ]:
            collection = _collection(inner)
            return None if collection is None else Rows(collection)
        case [ast.Assign(targets=[ast.Name(id=name)], value=value), ast.Return(value=ast.Name(id=returned))] if (
            name == returned
        ):
            return _row(value, [], methods)
        case [*guards, ast.Return(value=value)] if value is not None:
            return _row(value, guards, methods)
        case [ast.For() as loop, ast.Raise() as refusal]:
            return _found_in_loop(loop, refusal)
    return None


def _statements(method: ast.FunctionDef) -> list[ast.stmt]:
    has_docstring = ast.get_docstring(method) is not None
    return method.body[1:] if has_docstring else method.body


def _row(value: ast.expr, guards: Sequence[ast.stmt], methods: Mapping[str, ast.FunctionDef]) -> Row | None:
    match value:
        case ast.Subscript(value=inner, slice=ast.Name(id=argument)):
            collection = _collection(inner)
            if collection is None or any(not _is_guard(guard, argument) for guard in guards):
                return None
            message = next((text for guard in guards for text in _messages(guard)), "")
            return Row(collection, argument, None, message)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="self"), attr=name), args=[ast.Name(id=argument)], keywords=[]
        ) if name in methods and not guards:
            found = _answers(methods[name], methods)
            if isinstance(found, Row):
                return Row(found.collection, argument, found.id_field, found.message.replace(found.argument, argument))
    return None


def _found_in_loop(loop: ast.For, refusal: ast.Raise) -> Row | None:
    """Read `for row in self.db.rows: if row.row_id == row_id: return row`."""
    match loop:
        case ast.For(
            target=ast.Name(id=row),
            iter=inner,
            body=[
                ast.If(
                    test=ast.Compare(
                        left=ast.Attribute(value=ast.Name(id=compared), attr=id_field),
                        ops=[ast.Eq()],
                        comparators=[ast.Name(id=argument)],
                    ),
                    body=[ast.Return(value=ast.Name(id=returned))],
                    orelse=[],
                )
            ],
        ) if row == compared == returned:
            collection = _collection(inner)
            message = next(iter(_messages(refusal)), "")
            return None if collection is None else Row(collection, argument, id_field, message)
    return None


def _collection(value: ast.expr) -> str | None:
    match value:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="db"), attr=name):
            return name
    return None


def _is_guard(guard: ast.stmt, argument: str) -> bool:
    match guard:
        case ast.If(test=ast.Compare(left=ast.Name(id=name), ops=[ast.NotIn()]), body=[ast.Raise()], orelse=[]) if (
            name == argument
        ):
            return True
    return False


def _messages(statement: ast.stmt) -> Iterator[str]:
    """Yield the messages that a statement may raise, with values in braces."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            text = node.exc.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value
            elif isinstance(text, ast.JoinedStr):
                yield ast.unparse(text)[2:-1]
