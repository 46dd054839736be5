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
from titan.model.expectations import Steps, misfit_of, place_within
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
    file, folder = _File(path, _text(path)), path.parent
    suite = _as(_plain(file), _Suite, file)
    if isinstance(suite.world, str):
        of_world = _File(folder / suite.world, _text(folder / suite.world))
        world = _world(_plain(of_world), of_world)
    else:
        world = _world(suite.world, file, "world")
    agents = {name: _agent(plain, file, name) for name, plain in suite.agents.items()}
    fields = suite.fields if suite.fields is not None else [{"name": name, "agent": name} for name in agents]
    tasks = tuple(_tasks(suite.tasks, file))
    seen: set[str] = set()
    for task in tasks:
        if task.id in seen:
            raise _invalid(file, "$.tasks", "each id once", f"{task.id!r} twice")
        seen.add(task.id)
    definition = WorkflowDefinition(
        world=world,
        fields=_as(fields, tuple[AgentField, ...], file, "fields"),
        sub_agents=_as(suite.sub_agents, tuple[SubAgent, ...], file, "sub_agents"),
        auto_redispatch=suite.auto_redispatch,
    )
    endpoints = _as(suite.endpoints, dict[str, EndpointDefinition], file, "endpoints")
    return Suite(workflow=suite.workflow, definition=definition, agents=agents, tasks=tasks, endpoints=endpoints)


def read_tasks(path: Path) -> list[TaskDefinition]:
    """Read tasks from a file in YAML, JSON, JSON Lines or CSV.

    Raises:
        InvalidInput: as `read_suite`.
    """
    return tasks_in(_text(path), path)


def tasks_in(text: str, path: Path) -> list[TaskDefinition]:
    """Read tasks from a text in the format of the suffix of `path`, which errors name: a list, or one under `tasks`.

    Raises:
        InvalidInput: as `read_suite`.
    """
    file = _File(path, text)
    if path.suffix in (".csv", ".jsonl"):
        return [_as(row, TaskDefinition, file, at, line=line) for at, (line, row) in enumerate(list(_rows(file)))]
    found, *place = (_plain(file),)
    if isinstance(found, dict) and found.keys() == {"tasks"}:
        found, place = found["tasks"], ["tasks"]
    if not isinstance(found, list):
        raise _invalid(file, "$", "a list of tasks, or `tasks:` with one", "another value")
    return [_as(one, TaskDefinition, file, *place, at) for at, one in enumerate(found)]


def _tasks(given: list[Any], file: "_File") -> Iterator[TaskDefinition]:
    for at, one in enumerate(given):
        if isinstance(one, str):
            yield from read_tasks(file.path.parent / one)
        else:
            yield _as(one, TaskDefinition, file, "tasks", at)


def _world(plain: Any, file: "_File", *place: str | int) -> World:
    if isinstance(plain, dict) and plain.get("consistency") is False:
        plain = {**plain, "consistency": "off"}  # YAML's `off`
    found: World = _as(plain, World, file, *place)
    return found


def _agent(plain: dict[str, Any], file: "_File", name: str) -> AgentDefinition:
    if "file" in plain:
        source = _text(file.path.parent / str(plain["file"]))
        plain = {key: value for key, value in plain.items() if key != "file"} | {"source": source}
    found: AgentDefinition = _as(plain, AgentDefinition, file, "agents", name)
    return found


def _rows(file: "_File") -> Iterator[tuple[int, Any]]:
    """Yield each row with its line."""
    if file.path.suffix == ".jsonl":
        lines = enumerate(file.text.split("\n"), 1)
        yield from ((number, _json(line, file, f"line {number}")) for number, line in lines if line.strip())
        return
    reader = csv.DictReader(io.StringIO(file.text, newline=""))
    try:
        for row in reader:
            yield reader.line_num, _row(row, file, reader.line_num)
    except csv.Error as error:
        raise _invalid(file, f"line {reader.line_num}", "CSV", str(error)) from error


def _row(row: Mapping[str | None, Any], file: "_File", number: int) -> dict[str, Any]:
    """Return a task from a CSV row: values that are no texts are JSON, empty cells are unset."""
    task: dict[str, Any] = {"odyssey_seed": {}}
    for column, cell in row.items():
        if column is None:
            raise _invalid(file, f"line {number}", "as many cells as the first line has", f"more: {cell}")
        if not cell:
            continue
        is_text = column in _TEXTS or column in ("id", "name")
        value = cell if is_text else _json(cell, file, f"line {number}, column {column}")
        (task if column in _TASK_COLUMNS else task["odyssey_seed"])[column] = value
    return task


def _plain(file: "_File") -> Any:
    if file.path.suffix == ".json":
        return _json(file.text, file, "$")
    try:
        _check_yaml(file)
        return _storable(yaml.load(file.text, _YAML))
    except yaml.YAMLError as error:
        raise _invalid(file, "$", "YAML", str(error)) from error
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        # PyYAML lets the errors of its constructors through: 2026-13-45, !!int x, !!bool x
        raise _invalid(file, "$", "YAML", f"a value that cannot be read: {error}") from error


def _check_yaml(file: "_File") -> None:
    """Check what loading would cost. libyaml's events need no recursion; its composer crashes the process."""
    open_nodes: list[tuple[str | None, int]] = []  #: anchor, and the size when the node began
    sizes: dict[str, int] = {}
    size = 0
    for event in yaml.parse(file.text, _YAML):
        place = f"line {event.start_mark.line + 1}"
        match event:
            case yaml.ScalarEvent():
                before, size = size, size + 1 + len(event.value) // _CHARACTERS
                sizes[event.anchor] = size - before
                is_number = event.implicit[0] or (event.tag or "").endswith((":int", ":float"))
                if is_number and len(event.value) > MOST_DIGITS and _NUMBER.fullmatch(event.value):
                    found = f"{len(event.value):,} characters"
                    raise _invalid(file, place, f"numbers of at most {MOST_DIGITS} digits", found)
            case yaml.AliasEvent() if event.anchor not in sizes:
                raise _invalid(file, place, f"an alias of a value before it, *{event.anchor}", "none, or one within it")
            case yaml.AliasEvent():
                size += sizes[event.anchor]
            case yaml.CollectionStartEvent():
                open_nodes.append((event.anchor, size))
                size += 1
            case yaml.CollectionEndEvent():
                anchor, before = open_nodes.pop()
                sizes[anchor or ""] = size - before
        if len(open_nodes) > MOST_LEVELS:
            raise _invalid(file, place, f"at most {MOST_LEVELS} levels", "more")
        if size > MOST_VALUES:
            raise _invalid(file, place, f"at most {MOST_VALUES:,} values, aliases expanded", "more")


def _json(text: str, file: "_File", place: str) -> Any:
    try:
        check_levels(text)
        return _storable(json.loads(text))
    except ValueError as error:
        raise _invalid(file, place, "JSON", str(error)) from error


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


def _as(plain: Any, shape: Any, file: "_File", *place: str | int, line: int | None = None) -> Any:
    try:
        return msgspec.convert(plain, shape)
    except msgspec.ValidationError as error:
        misfit = misfit_of(error, shape, plain)
        steps = (*place, *misfit.steps)
        line = line or file.line_of(steps)
        where = f"${place_within(steps)}"
        where = where if line is None else f"line {line}: {where}"
        is_yaml = misfit.found in ("true", "false") and file.path.suffix != ".json"
        found = f"{misfit.found} (YAML's word for yes, no, on and off without quotes)" if is_yaml else misfit.found
        raise _invalid(file, where, misfit.expected or "what the guide says", found) from error


@dataclass(frozen=True, slots=True)
class _File:
    """A file and its text."""

    path: Path
    text: str

    def line_of(self, steps: Steps) -> int | None:
        """Return the line at which the place in a YAML or JSON text begins, or what it is missing in."""
        try:
            node = yaml.compose(self.text, _YAML)
        except yaml.YAMLError:
            return None  # a JSON text that is no YAML
        line = 1
        for step in steps:
            if isinstance(node, yaml.MappingNode):
                pairs = [(key, value) for key, value in node.value if key.value == step]
                key, node = pairs[-1] if pairs else (None, None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                key = node = node.value[step]
            else:
                return line
            line = line if key is None else key.start_mark.line + 1
        return line


def _invalid(file: _File, place: str, expected: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"{file.path}: {place}", expected=expected, found=found, next_step="docs/guide/worlds.md describes each field."
    )
