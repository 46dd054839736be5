"""Options that several commands share, and how a command's examples are written."""

from typing import Annotated, TypeAlias

import typer

from titan.cli import completion

ServerOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="The server, such as http://127.0.0.1:5000. Default: TITAN_HOST and TITAN_PORT, "
        "else the server of TITAN_HOME, else this machine's port 5000 or 9090.",
        show_default=False,
    ),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Write one JSON document instead.")]
Limit: TypeAlias = Annotated[int, typer.Option("--limit", min=1, max=10_000, metavar="N", help="At most so many.")]
DagScope: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--dag",
        metavar="DAG",
        help="Look in this DAG (name or id), not for the newest job of that name.",
        autocompletion=completion.dag_names,
        show_default=False,
    ),
]
RunScope: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Look in this agent run.",
        autocompletion=completion.run_ids,
        show_default=False,
    ),
]
JobArgument: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="JOB", help="A job's name or id.", autocompletion=completion.job_names),
]
DagArgument: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="DAG", help="A DAG's name or id.", autocompletion=completion.dag_names),
]
RunArgument: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="RUN", help="An agent run's id.", autocompletion=completion.run_ids),
]


def examples(*lines: str) -> str:
    r"""Return the end of a command's help: lines that can be copied (`\b` keeps them from being wrapped)."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
