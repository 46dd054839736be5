"""The program `titan`: all its commands, and the exit codes of their errors."""

import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from titan import __version__
from titan.cli.commands import (
    access,
    determinism,
    doctor,
    evaluate,
    files,
    fork,
    gates,
    jobs,
    maintenance,
    replay,
    runs,
    runs_files,  # noqa: F401  # adds commands to those of runs
    store,
    submit,
    suites,
    workers,
)
from titan.cli.exit_codes import EXIT_CODES_HELP, CommandFailed, ExitCode, exit_code_of
from titan.cli.options import EVERYDAY, examples
from titan.cli.terminal import remark, show_json
from titan.model.errors import TitanError
from titan.settings import SWITCHES, is_on

logger = logging.getLogger(__name__)


class Panels(typer.core.TyperGroup):
    """The group of all commands; its help lists them in panels, everyday commands first."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the panels of the help, each with its commands."""
        panels: dict[str, list[tuple[str, str]]] = {}
        width = formatter.width - 6 - max(map(len, self.commands))
        for name, command in self.commands.items():
            panel = getattr(command, "rich_help_panel", None)
            panels.setdefault(str(panel), []).append((name, command.get_short_help_str(width)))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)


# Plain help, not rich's boxes: examples stay whole lines that can be copied, and it takes half the time.
app = typer.Typer(
    name="titan",
    cls=Panels,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Run AI agents as graphs of jobs, and lose none of them.",
    epilog=examples(
        "titan up                                   # start Titan here",
        "titan run hello.py                         # run a script, see what it writes",
        "titan submit a.py b.py --after b=a --wait  # run two, one after the other",
        "titan dags                                 # what was submitted, and its status",
    )
    + f"\n\n\b\n{EXIT_CODES_HELP}",
)
for commands in (workers, submit, jobs, gates, files, replay, fork, determinism, doctor, suites):
    app.add_typer(commands.everyday)
app.add_typer(evaluate.app, name="eval", rich_help_panel=EVERYDAY)
app.add_typer(suites.imports, name="import", rich_help_panel=EVERYDAY)
for noun, group in {
    "dags": jobs.dags,
    "jobs": jobs.jobs,
    "runs": runs.app,  # replay, fork and runs_files add commands to it
    "gates": gates.app,
    "store": store.app,
    "workers": workers.app,
    "projects": access.projects,
    "orgs": access.organisations,
    "tasks": suites.tasks,
    "tokens": access.tokens,
}.items():
    app.add_typer(group, name=noun, rich_help_panel="Resources (each alone lists)")
app.add_typer(maintenance.app)

VersionOption = Annotated[bool, typer.Option("--version", help="Show this program's version.", is_eager=True)]


@app.callback(invoke_without_command=True)
def titan(context: typer.Context, *, version: VersionOption = False) -> None:
    if version:
        print(f"titan {__version__}")
        raise typer.Exit()
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's) and return its exit code.

    Whatever goes wrong is one line on stderr; with `--json` also a document on stdout, shaped as the server's
    errors. TITAN_DEBUG=1 adds the traceback of a fault in Titan itself.
    """
    if "_TITAN_COMPLETE" in os.environ:  # a shell asks what Tab may offer; typer answers and exits
        app(prog_name="titan")
    _be_able_to_write_anything()
    head, tail = split_tail(sys.argv[1:] if arguments is None else arguments)
    try:
        for switch in SWITCHES:
            is_on(switch)  # a mistake in one is an error of every command
        with typer.main.get_command(app).make_context("titan", head, obj=tail) as context:
            context.command.invoke(context)
        sys.stdout.flush()
        return ExitCode.OK
    except typer.Exit as end:
        return end.exit_code
    except TitanError as error:
        return _fail(error, as_json="--json" in head)
    except typer.TyperException as error:
        return _fail_usage(error, head)
    except BrokenPipeError:
        return _leave_closed_pipe()
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except Exception as fault:
        if is_on("TITAN_DEBUG"):
            logger.exception("A fault in Titan")
        return _fail_by_fault(fault)


def split_tail(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split a command line at `--`, which precedes a script's arguments or a program."""
    if "--" in words and (
        words[0] in ("submit", "replay", "fork", "determinism") or list(words[:2]) == ["runs", "resume"]
    ):
        end = words.index("--")
        return list(words[:end]), list(words[end + 1 :])
    return list(words), []


def _fail(error: TitanError, *, as_json: bool) -> ExitCode:
    if as_json:
        kind = error.kind if isinstance(error, CommandFailed) else type(error).__name__
        parts = {part: getattr(error, part) for part in ("subject", "expected", "found", "next_step")}
        show_json({"error": {"type": kind, "message": str(error), **parts}})
    remark("titan: ", str(error))
    return exit_code_of(error)


def _fail_usage(error: typer.TyperException, words: list[str]) -> ExitCode:
    message = error.format_message().rstrip(".").replace("Value error, ", "")  # pydantic's words, inside typer
    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context else _command_in(words)
    next_step = f"See `{command} --help`."
    if command == "titan submit" and message.startswith("No such option"):
        next_step += " Put options of the script after --: titan submit train.py -- --epochs 3"
    if context is not None and context.parent is not None and command.endswith(" list"):
        verb = next((word for word in words if word in getattr(context.parent.command, "commands", {})), "list")
        next_step += f" Put options after the verb: titan {words[0]} {verb} …" * (verb != "list")
    line = f"{command}: {message}{'' if message.endswith('?') else '.'} {next_step}"
    if "--json" in words:
        parts = {"subject": command, "expected": "a command line that its help describes", "found": message}
        show_json({"error": {"type": "Usage", "message": line, **parts, "next_step": next_step}})
    remark(line)
    return ExitCode.USAGE


def _command_in(words: Sequence[str]) -> str:
    """Return the command at the beginning of a command line; typer does not name it for an option without a value."""
    found, commands = "titan", getattr(typer.main.get_command(app), "commands", {})
    for word in words:
        if word not in commands:
            break
        found, commands = f"{found} {word}", getattr(commands[word], "commands", {})
    return f"{found} list" if "list" in commands else found


def _fail_by_fault(fault: Exception) -> ExitCode:
    remark(
        f"titan: a fault in Titan itself: {type(fault).__name__}: {fault}. "
        "Please report it, with what TITAN_DEBUG=1 shows more."
    )
    return ExitCode.FAULT


def _leave_closed_pipe() -> ExitCode:
    """End quietly after `| head` closed the pipe; Python would complain as it flushes stdout at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.PIPE_CLOSED


def _be_able_to_write_anything() -> None:
    """Write characters that the locale cannot encode as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
