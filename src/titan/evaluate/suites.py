"""Read suites: files with the agents, tasks and world of an evaluation.

    suite.yaml
        workflow: shop                  # the workflow that it becomes
        world: world.yaml               # or the world itself
        agents:
          reference: {kind: python, file: agents/reference.py}
          hosted: {kind: http, url: https://agent.example/run}
        endpoints:                      # of tools in the mode passthrough
          crm: {kind: mcp, url: https://crm.example/mcp}
        fields: [{name: reference, agent: reference}]     # by default one for each agent, of its name
        tasks: [tasks.yaml, more.csv]   # or the tasks themselves

Files are YAML, JSON, JSON Lines or CSV. In CSV a column is `id`, `name`, `scorers` (JSON) or an axis of the seed.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml  # type: ignore[import-untyped]  # it has no types of its own

from titan.evaluate.definitions import (
    AgentDefinition,
    AgentField,
    EndpointDefinition,
    Seed,
    SubAgent,
    TaskDefinition,
    WorkflowDefinition,
)
from titan.ingest.values import MOST_LEVELS, check_levels
from titan.model.errors import InvalidInput
from titan.world.definition import World

MOST_DIGITS: Final = 400  # of a number: 1e308 has 309
MOST_VALUES: Final = 1_000_000  # of a YAML file, with aliases expanded; a text counts as one for each 64 characters
_CHARACTERS: Final = 64
_NUMBER: Final = re.compile(r"[-+]?[0-9.][-+0-9a-fA-FxX_:.eE]*")
_YAML: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TASK_COLUMNS: Final = ("id", "name", "scorers")
_TEXTS: Final = frozenset(
    field.name for field in msgspec.structs.fields(Seed) if field.type is str or "Literal" in str(field.type)
)


class _Suite(msgspec.Struct, forbid_unknown_fields=True):
    """The suite file with its parts undecoded."""

    workflow: str
    world: str | dict[str, Any]
    agents: dict[str, dict[str, Any]]
    tasks: list[Any]
    endpoints: dict[str, Any] = {}
    fields: list[dict[str, Any]] | None = None
    sub_agents: list[dict[str, Any]] = []
    auto_redispatch: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite with all files that it names."""

    workflow: str
    definition: WorkflowDefinition
    agents: Mapping[str, AgentDefinition]
    tasks: tuple[TaskDefinition, ...]
    endpoints: Mapping[str, EndpointDefinition]


def read_suite(path: Path) -> Suite:
    """Read a suite from a file, or from a folder with `suite.yaml`.

    Raises:
        InvalidInput: naming the file, the place in it, what was expected and found.
    """
    path = path / "suite.yaml" if path.is_dir() else path
    suite = _as(_read(path), _Suite, path)
    folder = path.parent
    if isinstance(suite.world, str):
        world: World = _as(_read(folder / suite.world), World, folder / suite.world)
    else:
        world = _as(suite.world, World, path, "$.world")
    agents = {name: _agent(plain, folder, path, name) for name, plain in suite.agents.items()}
    fields = suite.fields if suite.fields is not None else [{"name": name, "agent": name} for name in agents]
    tasks = tuple(_tasks(suite.tasks, folder, path))
    seen: set[str] = set()
    for task in tasks:
        if task.id in seen:
            raise _invalid(path, "$.tasks", "each id once", f"{task.id!r} twice")
        seen.add(task.id)
    definition = WorkflowDefinition(
        world=world,
        fields=_as(fields, tuple[AgentField, ...], path, "$.fields"),
        sub_agents=_as(suite.sub_agents, tuple[SubAgent, ...], path, "$.sub_agents"),
        auto_redispatch=suite.auto_redispatch,
    )
    endpoints = _as(suite.endpoints, dict[str, EndpointDefinition], path, "$.endpoints")
    return Suite(workflow=suite.workflow, definition=definition, agents=agents, tasks=tasks, endpoints=endpoints)


def read_tasks(path: Path) -> list[TaskDefinition]:
    """Read tasks from a file in YAML, JSON, JSON Lines or CSV.

    Raises:
        InvalidInput: as `read_suite`.
    """
    return tasks_in(_text(path), path)


def tasks_in(text: str, path: Path) -> list[TaskDefinition]:
    """Read tasks from a text in the format of the suffix of `path`, which errors name.

    Raises:
        InvalidInput: as `read_suite`.
    """
    found = _rows(text, path) if path.suffix in (".csv", ".jsonl") else _plain(text, path)
    if not isinstance(found, list):
        raise _invalid(path, "$", "a list of tasks", type(found).__name__)
    return [_as(one, TaskDefinition, path, f"$[{place}]") for place, one in enumerate(found)]


def _tasks(given: list[Any], folder: Path, path: Path) -> Iterator[TaskDefinition]:
    for place, one in enumerate(given):
        if isinstance(one, str):
            yield from read_tasks(folder / one)
        else:
            yield _as(one, TaskDefinition, path, f"$.tasks[{place}]")


def _agent(plain: dict[str, Any], folder: Path, path: Path, name: str) -> AgentDefinition:
    if "file" in plain:
        file = folder / str(plain["file"])
        plain = {key: value for key, value in plain.items() if key != "file"} | {"source": _text(file)}
    found: AgentDefinition = _as(plain, AgentDefinition, path, f"$.agents.{name}")
    return found


def _rows(text: str, path: Path) -> list[Any]:
    if path.suffix == ".jsonl":
        lines = enumerate(text.split("\n"), 1)
        return [_json(line, path, f"line {number}") for number, line in lines if line.strip()]
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        return [_row(row, path, reader.line_num) for row in reader]
    except csv.Error as error:
        raise _invalid(path, f"line {reader.line_num}", "CSV", str(error)) from error


def _row(row: Mapping[str | None, Any], path: Path, number: int) -> dict[str, Any]:
    """Return a task from a CSV row: values that are no texts are JSON, empty cells are unset."""
    task: dict[str, Any] = {"odyssey_seed": {}}
    for column, cell in row.items():
        if column is None:
            raise _invalid(path, f"line {number}", "as many cells as the first line has", f"more: {cell}")
        if not cell:
            continue
        is_text = column in _TEXTS or column in ("id", "name")
        value = cell if is_text else _json(cell, path, f"line {number}, column {column}")
        (task if column in _TASK_COLUMNS else task["odyssey_seed"])[column] = value
    return task


def _read(path: Path) -> Any:
    return _plain(_text(path), path)


def _plain(text: str, path: Path) -> Any:
    if path.suffix == ".json":
        return _json(text, path, "$")
    try:
        _check_yaml(text, path)
        return _storable(yaml.load(text, _YAML))
    except yaml.YAMLError as error:
        raise _invalid(path, "$", "YAML", str(error)) from error
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        # PyYAML lets the errors of its constructors through: 2026-13-45, !!int x, !!bool x
        raise _invalid(path, "$", "YAML", f"a value that cannot be read: {error}") from error


def _check_yaml(text: str, path: Path) -> None:
    """Check what loading would cost. libyaml's events need no recursion; its composer crashes the process."""
    open_nodes: list[tuple[str | None, int]] = []  #: anchor, and the size when the node began
    sizes: dict[str, int] = {}
    size = 0
    for event in yaml.parse(text, _YAML):
        place = f"line {event.start_mark.line + 1}"
        match event:
            case yaml.ScalarEvent():
                before, size = size, size + 1 + len(event.value) // _CHARACTERS
                sizes[event.anchor] = size - before
                is_number = event.implicit[0] or (event.tag or "").endswith((":int", ":float"))
                if is_number and len(event.value) > MOST_DIGITS and _NUMBER.fullmatch(event.value):
                    found = f"{len(event.value):,} characters"
                    raise _invalid(path, place, f"numbers of at most {MOST_DIGITS} digits", found)
            case yaml.AliasEvent() if event.anchor not in sizes:
                raise _invalid(path, place, f"an alias of a value before it, *{event.anchor}", "none, or one within it")
            case yaml.AliasEvent():
                size += sizes[event.anchor]
            case yaml.CollectionStartEvent():
                open_nodes.append((event.anchor, size))
                size += 1
            case yaml.CollectionEndEvent():
                anchor, before = open_nodes.pop()
                sizes[anchor or ""] = size - before
        if len(open_nodes) > MOST_LEVELS:
            raise _invalid(path, place, f"at most {MOST_LEVELS} levels", "more")
        if size > MOST_VALUES:
            raise _invalid(path, place, f"at most {MOST_VALUES:,} values, aliases expanded", "more")


def _json(text: str, path: Path, place: str) -> Any:
    try:
        check_levels(text)
        return _storable(json.loads(text))
    except ValueError as error:
        raise _invalid(path, place, "JSON", str(error)) from error


def _storable(found: Any) -> Any:
    msgspec.json.encode(found)  # a ValueError for half a surrogate pair
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise InvalidInput(str(path), expected="a file", found="none") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(str(path), expected="a file in UTF-8 that can be read", found=str(error)) from error


def _as(plain: Any, shape: Any, path: Path, place: str = "$") -> Any:
    try:
        return msgspec.convert(plain, shape)
    except msgspec.ValidationError as error:
        found, _, where = str(error).partition(" - at ")
        raise _invalid(path, where.strip("`").replace("$", place, 1) or place, "what the guide says", found) from error


def _invalid(path: Path, place: str, expected: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"{path}: {place}", expected=expected, found=found, next_step="docs/guide/worlds.md describes each field."
    )
