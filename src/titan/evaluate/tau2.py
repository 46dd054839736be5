"""Import a domain of tau2-bench as a suite: policy, database, tool schemas and tasks. Its Python is never run.

What comes of it, and what is left out, is in docs/guide/worlds.md; what is left out of a task is said as a note.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from titan.evaluate.tau2_tools import Constant, Row, Rows, SourceTool, helpers_of, read_tools
from titan.ingest.values import check_levels
from titan.model.errors import InvalidInput

DATA: Final = Path("data/tau2/domains")  # in a checkout
SOURCES: Final = Path("src/tau2/domains")
_TASKS: Final = ("tasks.json", "tasks_small.json")
_POLICIES: Final = ("policy.md", "main_policy.md")
_BASIS: Final = ("DB", "COMMUNICATE")  # the default of tasks

_Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The files of a domain."""

    name: str
    folder: Path
    tools: Path | None  #: its `tools.py`
    models: Path | None  #: its `data_model.py`


@dataclass(slots=True, kw_only=True)
class Imported:
    """A suite imported from a domain."""

    workflow: str
    world: _Object
    tasks: list[_Object]
    notes: list[str] = field(default_factory=list)  #: the parts that were not imported, and the number of tasks

    @property
    def declared(self) -> int:
        """The number of tools that need no model."""
        return sum(one.keys() & {"ledger_read", "response"} != set() for one in self.world["tools"])


def find_domain(path: Path, name: str | None) -> Domain:
    """Find a domain in its data folder or in a checkout of tau2-bench.

    Raises:
        InvalidInput: there is none.
    """
    if not path.is_dir():
        raise _invalid(path, "a folder", "none" if not path.exists() else "a file")
    domains = path / DATA if (path / DATA).is_dir() else path
    if (domains / "policy.md").exists() or (domains / "main_policy.md").exists():
        folder = domains
    else:
        there = sorted(one.name for one in domains.iterdir() if any((one / policy).exists() for policy in _POLICIES))
        if name not in there:
            found = "none" if name is None else f"--domain {name}"
            known = (
                f"It has {', '.join(there)}." if there else "A domain's folder has policy.md, db.json and tasks.json."
            )
            raise _invalid(path, "a domain of tau2-bench", found, known)
        folder = domains / name
    checkout = next((one for one in folder.resolve().parents if (one / SOURCES).is_dir()), None)
    code = folder if (folder / "tools.py").exists() or checkout is None else checkout / SOURCES / folder.name
    tools, models = code / "tools.py", code / "data_model.py"
    return Domain(
        name=folder.resolve().name,
        folder=folder,
        tools=tools if tools.exists() else None,
        models=models if models.exists() else None,
    )


def import_domain(domain: Domain, *, is_one_turn: bool = False) -> Imported:
    """Import a domain as a suite. With `is_one_turn`, the agent gets all that the user knows and wants at once.

    Raises:
        InvalidInput: a file is missing, or is not what it should be.
    """
    database, id_fields = _database(domain)
    policy = _text(_one_of(domain.folder, _POLICIES))
    source = _text(domain.tools) if domain.tools is not None else ""
    try:
        tools = read_tools(source, _text(domain.models) if domain.models is not None else "")
    except SyntaxError as error:
        raise _invalid(domain.tools or domain.folder, "Python", str(error)) from error
    plain = [_tool(one, database, id_fields) for one in tools]
    simulated = [one.source for one, tool in zip(tools, plain, strict=True) if "access" in tool]
    world = {
        "name": f"tau2-{domain.name}",
        "description": f"The domain {domain.name} of tau2-bench.",
        "policy": policy,
        "behavior_instructions": _instructions(simulated, helpers_of(source)),
        "consistency": "observe",
        "ledger": {"entities": {name: _entity_type(id_fields[name]) for name in database}},
        "initial_state": {"entities": database},
        "tools": plain,
    }
    imported = Imported(workflow=f"tau2-{domain.name}", world=world, tasks=[])
    if not tools:
        imported.notes.append(
            "No tools.py was found: the world has no tools. Name a checkout, or put it into the folder."
        )
    kinds = {one.name: one.kind for one in tools}
    left_out: dict[str, int] = {}
    for task in _json(_one_of(domain.folder, _TASKS)):
        notes = _add_task(imported, task, kinds, is_one_turn=is_one_turn)
        for note in dict.fromkeys(notes):
            left_out[note] = left_out.get(note, 0) + 1
    imported.notes += [f"{count} of {len(imported.tasks)} tasks: {note}" for note, count in left_out.items()]
    return imported


def suite_yaml(imported: Imported) -> str:
    """Return the suite file, which names the files of the world and the tasks."""
    return f"""\
# {imported.world["description"]} Imported by `titan import tau2`.
workflow: {imported.workflow}
world: world.json
agents: {{}}   # name them: {{my-agent: {{kind: python, file: my_agent.py}}}}, or {{kind: http, url: https://…}}
tasks: [tasks.json]
"""


# --- the database ---


def _database(domain: Domain) -> tuple[dict[str, dict[str, _Object]], dict[str, str | None]]:
    """Return the rows of each entity type by id, and the field that repeats the id."""
    path = _one_of(domain.folder, ("db.json", "db.toml"))
    found = tomllib.loads(_text(path)) if path.suffix == ".toml" else _json(path)
    if not isinstance(found, dict):
        raise _invalid(path, "an object of collections", type(found).__name__)
    rows: dict[str, dict[str, _Object]] = {}
    for collection, held in found.items():
        rows[collection] = _rows(collection, json.loads(json.dumps(held, default=str)))
    return rows, {collection: _id_field(held) for collection, held in rows.items()}


def _rows(collection: str, held: Any) -> dict[str, _Object]:
    if isinstance(held, dict) and isinstance(held.get("data"), dict):
        held = held["data"]  # beside notes of its authors
    if isinstance(held, dict) and all(isinstance(one, dict) for one in held.values()):
        return {str(key): one for key, one in held.items()}
    if isinstance(held, list) and held and all(isinstance(one, dict) for one in held):
        id_field = next(
            (
                name
                for name in held[0]
                if name.endswith("id") and len({str(one.get(name)) for one in held}) == len(held)
            ),
            None,
        )
        return {str(one[id_field] if id_field else place): one for place, one in enumerate(held)}
    return {collection: {"value": held}}


def _id_field(rows: Mapping[str, _Object]) -> str | None:
    if not rows:
        return None
    first = next(iter(rows.values()))
    return next((name for name in first if all(one.get(name) == key for key, one in rows.items())), None)


def _entity_type(id_field: str | None) -> _Object:
    return {"closed": False} | ({} if id_field is None else {"id_field": id_field})


# --- tools ---


def _tool(tool: SourceTool, database: Mapping[str, Any], id_fields: Mapping[str, str | None]) -> _Object:
    plain: _Object = {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
    match tool.answers:
        case Row(collection, argument, id_field, message) if collection in database and (
            id_field is None or id_field == id_fields[collection]
        ):
            refusal = {"code": "not_found", "message": message or f"{collection}: there is none"}
            read = {"op": "get", "entity_type": collection, "id_from": argument, "not_found": refusal}
            return plain | {"ledger_read": read | _without_id(database[collection])}
        case Rows(collection) if collection in database:
            return plain | {
                "ledger_read": {"op": "list", "entity_type": collection} | _without_id(database[collection])
            }
        case Constant(value):
            return plain | {"response": {"const": value}}
    return plain | {"access": "write" if tool.kind == "write" else "read"}


def _without_id(rows: Mapping[str, _Object]) -> _Object:
    """Return the projection that gives rows as in the database."""
    names = sorted({name for one in rows.values() for name in one})
    return {"project": {name: name for name in names}} if names else {}


def _instructions(simulated: Sequence[str], helpers: str) -> str:
    if not simulated:
        return ""
    return "\n\n".join(
        ["Answer each tool as its Python below would on the ledger's state.", *simulated, helpers]
    ).strip()


# --- tasks ---


def _add_task(imported: Imported, task: _Object, kinds: Mapping[str, str], *, is_one_turn: bool) -> list[str]:
    """Add a task; return the parts that cannot be imported."""
    notes: list[str] = []
    scenario = task.get("user_scenario") or {}
    criteria = task.get("evaluation_criteria") or {}
    wanted = _scenario(scenario.get("instructions"))
    seed: _Object = {
        "user_instruction": task.get("ticket") or wanted,
        "expected_outcome": (task.get("description") or {}).get("purpose") or "",
        "expected_outcome_detail": "\n".join(criteria.get("nl_assertions") or []),
    }
    if not is_one_turn and not task.get("ticket"):
        reason = scenario.get("instructions")
        opening = reason.get("reason_for_call") if isinstance(reason, dict) else None
        persona = scenario.get("persona") or "A customer."
        seed |= {"user_instruction": opening or wanted, "turn_mode": "model_as_user", "max_turns": 50}
        seed |= {"user_goal": wanted, "user_simulator_persona": persona}
    state = _initial_state(imported, task.get("initial_state") or {}, notes)
    if state is not None:
        seed["initial_state"] = {"entities": state}
    scorers = list(_scorers(criteria, kinds, notes))
    if not scorers:
        notes.append("nothing of it can be scored without a judge")
    name = (task.get("description") or {}).get("purpose") or ""
    imported.tasks.append({"id": _slug(str(task["id"])), "name": name[:200], "odyssey_seed": seed, "scorers": scorers})
    return notes


def _scenario(instructions: Any) -> str:
    if not isinstance(instructions, dict):
        return str(instructions or "")
    parts = ("reason_for_call", "known_info", "unknown_info", "task_instructions")
    return "\n\n".join(str(instructions[part]).strip() for part in parts if instructions.get(part))


def _initial_state(imported: Imported, state: _Object, notes: list[str]) -> _Object | None:
    if state.get("message_history"):
        notes.append("the messages before its beginning are left out")
    if state.get("initialization_actions"):
        notes.append("the actions that prepare its database are Python, and left out")
    data = (state.get("initialization_data") or {}).get("agent_data")
    if not data:
        return None
    database = imported.world["initial_state"]["entities"]
    return {name: _merged(database.get(name, {}), _rows(name, data.get(name, {}))) for name in {**database, **data}}


def _merged(rows: Mapping[str, _Object], changes: Mapping[str, _Object]) -> _Object:
    return {key: {**rows.get(key, {}), **changes.get(key, {})} for key in {**rows, **changes}}


def _scorers(criteria: _Object, kinds: Mapping[str, str], notes: list[str]) -> Iterator[_Object]:
    basis = criteria.get("reward_basis") or _BASIS
    actions = [one for one in criteria.get("actions") or [] if one.get("requestor", "assistant") == "assistant"]
    if len(actions) < len(criteria.get("actions") or []):
        notes.append("tools of the user are left out")
    if "DB" in basis:
        writes = [one for one in actions if kinds.get(one["name"]) == "write"]
        if writes or criteria.get("actions") is not None:
            calls = [{"tool": one["name"], "arguments": one.get("arguments") or {}} for one in writes]
            yield {"type": "reference_calls", "calls": calls, "name": "final state" if calls else "nothing changed"}
    if "ACTION" in basis:
        yield from (_called(one) for one in actions if "DB" not in basis or kinds.get(one["name"]) != "write")
    said = criteria.get("communicate_info")
    if said and "COMMUNICATE" in basis:
        yield {"type": "response_contains", "all": [str(one) for one in said]}
    if criteria.get("env_assertions"):
        notes.append("its env_assertions are Python, and left out")
    if "NL_ASSERTION" in basis and criteria.get("nl_assertions"):
        notes.append("its nl_assertions need a judge; they are in expected_outcome_detail")


def _called(action: _Object) -> _Object:
    arguments = action.get("arguments") or {}
    compared = action.get("compare_args")
    if compared is not None:
        arguments = {name: arguments[name] for name in compared if name in arguments}
    return {"type": "tool_called", "tool": action["name"], "arguments": arguments}


def _slug(text: str) -> str:
    cleaned = "".join(one if one.isascii() and (one.isalnum() or one in "_.-") else "-" for one in text).strip("-._")
    return cleaned[:100] or "task"


# --- files ---


def _one_of(folder: Path, names: Sequence[str]) -> Path:
    found = next((folder / name for name in names if (folder / name).exists()), None)
    if found is None:
        raise _invalid(folder, " or ".join(names), "none of them")
    return found


def _json(path: Path) -> Any:
    text = _text(path)
    try:
        check_levels(text)
        return json.loads(text)
    except ValueError as error:
        raise _invalid(path, "JSON", str(error)) from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(path, "a file in UTF-8 that can be read", str(error)) from error


def _invalid(path: Path, expected: str, found: str, next_step: str = "") -> InvalidInput:
    return InvalidInput(str(path), expected=expected, found=found, next_step=next_step)
