"""Declare commands: the decorator `asks`, and the options that several commands share."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from titan.cli import lookup
from titan.cli.exit_codes import CommandFailed, ExitCode
from titan.cli.server import connect
from titan.cli.terminal import show_json


def option(words: str, help_text: str, complete: Callable[..., list[str]] | None = None, **more: Any) -> Any:
    """Return an option; `--output -o FILE` gives its names and, unless it is a flag, its metavar."""
    names = [word for word in words.split() if word.startswith("-")]
    metavar = next((word for word in words.split() if not word.startswith("-")), None)
    return typer.Option(*names, metavar=metavar, help=help_text, autocompletion=complete, **more)


def argument(metavar: str, help_text: str, complete: Callable[..., list[str]] | None = None) -> Any:
    """Return an argument."""
    return typer.Argument(metavar=metavar, help=help_text, autocompletion=complete, show_default=False)


ServerOption = Annotated[
    str | None,
    option(
        "--server URL",
        "The server, such as http://127.0.0.1:5000. Default: TITAN_HOST and TITAN_PORT, "
        "else the server of TITAN_HOME, else this machine's port 5000 or 9090.",
    ),
]
ProjectOption = Annotated[
    str | None, option("--project NAME", "The project. Default: TITAN_PROJECT, else that of the token, else default.")
]
JsonOption = Annotated[bool, option("--json", "Write one JSON document instead.")]
Home = Annotated[
    Path | None,
    option(
        "--home DIR",
        "The home: the folder of everything Titan keeps.",
        envvar="TITAN_HOME",
        show_default="~/.titan",
        file_okay=False,
    ),
]
Limit = Annotated[int, option("--limit N", "At most so many.", min=1, max=10_000)]
Force = Annotated[bool, option("--force", "Overwrite a file that is there.")]
DagScope = Annotated[
    str | None, option("--dag DAG", "Look in this DAG (name or id), not for the newest of all.", lookup.dag_names)
]
RunScope = Annotated[str | None, option("--run RUN", "Look in this agent run.", lookup.run_ids)]
OfDag = Annotated[str | None, option("--dag DAG", "Only those of this DAG.", lookup.dag_names)]


class OriginChoice(StrEnum):
    """What the listed runs are for."""

    PRODUCTION = "production"
    EVALUATION = "evaluation"
    ALL = "all"


OfOrigin = Annotated[
    OriginChoice | None, option("--origin", "Of production, of evaluations, or all. Default: production; exports all.")
]
OfRun = Annotated[str | None, option("--run RUN", "Only those of this agent run.", lookup.run_ids)]
AllOfDag = Annotated[
    str | None, option("--dag DAG", "The whole DAG; with a job's name, that job of the DAG.", lookup.dag_names)
]
AllOfRun = Annotated[
    str | None, option("--run RUN", "The whole agent run; with a job's name, that job of the run.", lookup.run_ids)
]
JobArgument = Annotated[str, argument("JOB", "A job's name or id.", lookup.job_names)]
DagArgument = Annotated[str, argument("DAG", "A DAG's name or id.", lookup.dag_names)]
RunArgument = Annotated[str, argument("RUN", "A run's id.", lookup.run_ids)]
AnyArgument = Annotated[
    str | None, argument("[JOB|DAG|RUN]", "By name or id: a job, else a DAG, else an agent run.", lookup.job_names)
]
JobOrDag = Annotated[str | None, argument("[JOB|DAG]", "By name or id: a job, else a DAG.", lookup.job_names)]
Wait = Annotated[bool, option("--wait -w", "Show progress until it has ended; exit 1 unless all completed.")]
Follow = Annotated[bool, option("--follow -f", "As --wait, and write what the jobs write to stdout.")]

SuitePath = Annotated[Path, argument("SUITE", "A suite's file, or the folder with its suite.yaml.")]
WorkflowArgument = Annotated[str, argument("WORKFLOW", "A workflow, by the name of its suite.")]
Timeout = Annotated[
    float | None, option("--timeout SECONDS", "At most so long an execution.", min=0.1, show_default=False)
]

EVERYDAY: Final = "Everyday"  #: the part of the help for the commands that people use most


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a command."""

    document: object  #: for `--json`
    show: Callable[[], object]  #: writes it for people
    exit_code: ExitCode = ExitCode.OK


Command: TypeAlias = Callable[..., Answer | None]


def examples(*lines: str) -> str:
    r"""Return the examples for the end of a command's help (`\b` keeps them from being wrapped)."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def asks(
    app: typer.Typer,
    *lines: str,
    name: str | None = None,
    panel: str | None = None,
    context_settings: dict[str, bool] | None = None,
    is_local: bool = False,
) -> Callable[[Command], Command]:
    """Register a command, with the examples of its help; it asks a server unless `is_local`.

    The command is called with the server first, which `--server` and `--project` choose. Its answer is shown, or with
    `--json` written as a document; a parameter `as_json` receives that option. A parameter that is a dataclass stands
    for options that several commands share: its fields.
    """

    def declare(command: Command) -> Command:
        register = app.command(name, epilog=examples(*lines), rich_help_panel=panel, context_settings=context_settings)
        register(_asking(command, is_local=is_local))
        return command

    return declare


def noun(help_text: str) -> typer.Typer:
    """Return a group of commands about one kind of thing: its verbs."""
    return typer.Typer(cls=Noun, help=help_text)


class Noun(typer.core.TyperGroup):
    """The commands about one kind of thing: without a verb, `titan jobs` lists as `titan jobs list` does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the verb `list` where there is none."""
        has_verb = bool(args) and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        is_completed = ctx.resilient_parsing and not args  # Tab behind `titan jobs` offers the verbs
        return super().parse_args(ctx, args if has_verb or is_completed else ["list", *args])


def _options_of(parameter: Parameter) -> list[Parameter]:
    """Return the options of a parameter: the fields of a dataclass, else itself."""
    if not is_dataclass(parameter.annotation):
        return [parameter] if parameter.name != "as_json" else []
    return [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for field in fields(parameter.annotation)
    ]


def _asking(command: Command, *, is_local: bool) -> Callable[..., None]:
    asked = signature(command)
    parameters = list(asked.parameters.values())
    groups: dict[str, Any] = {each.name: each.annotation for each in parameters if is_dataclass(each.annotation)}
    options = [option for each in parameters[0 if is_local else 1 :] for option in _options_of(each)]
    shared = () if is_local else (("server", None, ServerOption), ("project", None, ProjectOption))
    options += [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, default, kind in (*shared, ("as_json", False, JsonOption))
    ]

    @wraps(command)
    def run(*args: object, as_json: bool = False, **given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        if "as_json" in asked.parameters:
            given["as_json"] = as_json
        if is_local:
            answer = command(*args, **given)
        else:
            titan = connect(given.pop("server"), project=given.pop("project"))
            try:
                answer = command(titan, *args, **given)
            except CommandFailed as failure:
                raise lookup.with_near_names(titan, failure) from failure
        if answer is None:
            return
        if as_json:
            show_json(answer.document)
        else:
            answer.show()
        if answer.exit_code is not ExitCode.OK:
            raise typer.Exit(answer.exit_code)

    run.__signature__ = asked.replace(parameters=options)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in options}
    return run
