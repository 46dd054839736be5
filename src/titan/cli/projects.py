"""The option `--project`, given to each command of a group at once."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, TypeAlias

import typer
from typer.models import CommandInfo, TyperInfo

from titan.cli.server import of_project

ProjectOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="NAME",
        help="The project. Default: TITAN_PROJECT, else that of the token, else default.",
        show_default=False,
    ),
]


def with_project(commands: typer.Typer) -> typer.Typer:
    """Give those commands of a group `--project` that ask a server."""
    infos: list[CommandInfo | TyperInfo] = list(commands.registered_commands)
    if commands.registered_callback is not None:
        infos.append(commands.registered_callback)
    for info in infos:
        if info.callback is not None and "server" in signature(info.callback).parameters:
            info.callback = _within_project(info.callback)
    return commands


def _within_project(command: Callable[..., object]) -> Callable[..., object]:
    @wraps(command)
    def run(*args: object, project: str | None = None, **options: object) -> object:
        with of_project(project):
            return command(*args, **options)

    option = Parameter("project", Parameter.KEYWORD_ONLY, default=None, annotation=ProjectOption)
    asked = signature(command)
    run.__signature__ = asked.replace(parameters=[*asked.parameters.values(), option])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "project": ProjectOption}
    return run
