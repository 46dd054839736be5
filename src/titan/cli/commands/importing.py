"""`titan import`: what others have made, as suites for `titan eval`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from titan.cli.exit_codes import usage_error
from titan.cli.options import EVERYDAY, Force, JsonOption, argument, examples, option
from titan.cli.server import local_file
from titan.cli.terminal import say, show_json
from titan.cli.views.formats import count

app = typer.Typer(help="Make a suite for `titan eval` of what others have made: titan import tau2 PATH")

Checkout = Annotated[Path, argument("PATH", "A domain's folder in data/tau2/domains, or a checkout of tau2-bench.")]
DomainName = Annotated[str | None, option("--domain NAME", "Which domain of a checkout: retail, airline, …")]
Output = Annotated[Path | None, option("--output -o DIR", "The suite's folder. Default: ./tau2-NAME.")]
OneTurn = Annotated[
    bool,
    option("--one-turn", "Give the agent at once all that the user knows and wants, instead of a conversation."),
]


@app.callback()
def importing() -> None:
    """Keep `tau2` a word of its own, though it is the only one."""


@app.command(
    "tau2",
    rich_help_panel=EVERYDAY,
    epilog=examples(
        "titan import tau2 tau2-bench/data/tau2/domains/retail",
        "titan import tau2 tau2-bench --domain airline --one-turn -o airline",
    ),
)
def import_tau2(
    path: Checkout,
    *,
    domain: DomainName = None,
    output: Output = None,
    one_turn: OneTurn = False,
    force: Force = False,
    as_json: JsonOption = False,
) -> None:
    """Import a domain of tau2-bench: its policy, database, tool schemas and tasks.

    Its Python is read and not run: tools that only look something up are declared, a model simulates the others.
    """
    from titan.evaluate.tau2 import find_domain, import_domain, suite_yaml

    found = find_domain(path, domain)
    imported = import_domain(found, is_one_turn=one_turn)
    folder = output or Path(imported.workflow)
    if folder.exists() and any(folder.iterdir()) and not force:
        raise usage_error(
            f"folder {str(folder)!r}",
            "a folder that is empty or not there",
            "one with files",
            "Choose another with --output DIR, or overwrite its files with --force.",
        )
    with local_file(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "suite.yaml").write_text(suite_yaml(imported), "utf-8")
        (folder / "world.json").write_text(json.dumps(imported.world, ensure_ascii=False, indent=1), "utf-8")
        (folder / "tasks.json").write_text(json.dumps(imported.tasks, ensure_ascii=False, indent=1), "utf-8")
    document = {
        "suite": str(folder / "suite.yaml"),
        "workflow": imported.workflow,
        "tasks": len(imported.tasks),
        "tools": len(imported.world["tools"]),
        "declared_tools": imported.declared,
        "notes": imported.notes,
    }
    if as_json:
        show_json(document)
        return
    tools = f"{count(len(imported.world['tools']), 'tool')}, of which {imported.declared} declared"
    say(f"{folder / 'suite.yaml'}: {count(len(imported.tasks), 'task')}, {tools}")
    for note in imported.notes:
        say(f"  {note}")
    say(f"Name your agent in it, then: titan eval {folder}")
