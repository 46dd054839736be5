"""Help: every command has some, with examples; the guide names the same commands; and it comes quickly."""

import re
import subprocess
import sys

import pytest
import typer

from tests.support.command_line import NOUNS, run_titan
from tests.support.sources import ROOT
from titan.cli.app import app
from titan.cli.exit_codes import ExitCode

#: What only one command needs, or what takes longer to import than all the rest together.
HEAVY = {"litestar", "uvicorn", "openai", "httpx", "apsw", "rich", "asyncio", "ssl", "email", "titan.server"}


NOUN = "|".join(NOUNS)


def commands() -> dict[str, typer.core.TyperCommand]:
    """Return every command by what a person types after `titan`."""
    root = typer.main.get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    found: dict[str, object] = {}
    for name, command in root.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            found |= {f"{name} {inner}": command.commands[inner] for inner in command.commands}
        else:
            found[name] = command
    return {name: command for name, command in found.items() if isinstance(command, typer.core.TyperCommand)}


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_help_with_examples_of_itself(name: str) -> None:
    done = run_titan(*name.split(), "--help")

    assert done.exit_code == 0
    assert f"Usage: titan {name}" in done.text
    _, _, examples = done.text.partition("Examples:\n")
    lines = examples.splitlines()
    assert lines
    # A noun alone lists, and `titan eval SUITE` runs.
    beginnings = tuple(f"titan {name.removesuffix(verb)}" for verb in ("", " list", " run"))
    assert all(line.strip().startswith(beginnings) for line in lines)


WITHOUT_A_SERVER = {"up", "workers join", "backup", "restore", "mcp", "import tau2"}


@pytest.mark.parametrize("name", sorted(set(commands()) - WITHOUT_A_SERVER))
def test_every_command_that_answers_with_facts_has_json_and_server(name: str) -> None:
    options = {option for parameter in commands()[name].params for option in parameter.opts}

    assert {"--json", "--server"} <= options


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_and_argument_is_explained(name: str) -> None:
    silent = [parameter.name for parameter in commands()[name].params if not getattr(parameter, "help", None)]

    assert silent == []


def test_the_guide_names_exactly_the_commands_there_are() -> None:
    guide = (ROOT / "docs/guide/cli.md").read_text("utf-8")
    table = "\n".join(line for line in guide.splitlines() if line.startswith("| `titan "))

    named = set(re.findall(rf"`titan ((?:(?:{NOUN}) )?[a-z][a-z0-9]*)", table))

    assert named == set(commands())


def test_the_guide_names_exactly_the_exit_codes_there_are() -> None:
    guide = (ROOT / "docs/guide/cli.md").read_text("utf-8")

    named = {int(code) for code in re.findall(r"^\| (\d+) \|", guide, re.M)}

    # A closed pipe ends a command as SIGPIPE does any other: nothing to tell apart.
    assert named == {code.value for code in ExitCode} - {ExitCode.PIPE_CLOSED.value}


def test_every_example_of_the_guide_is_a_command_that_parses() -> None:
    guide = (ROOT / "docs/guide/cli.md").read_text("utf-8")
    root = typer.main.get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    known = {**root.commands, **commands()}

    calls = re.findall(rf"^titan ((?:(?:{NOUN}) (?=[a-z]))?[a-z][a-z0-9]*)(.*)$", guide, re.M)
    unknown = [
        f"{name}{rest}"
        for name, rest in calls
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest.partition(".py" if name == "run" else " -- ")[0])
        if not any(
            option in (*parameter.opts, *parameter.secondary_opts)
            for parameter in known.get(f"{name} list", known[name]).params
        )
    ]

    assert len(calls) > 20
    assert unknown == []


def test_a_noun_without_a_verb_lists() -> None:
    assert run_titan("jobs", "--nonsense").stderr.startswith("titan jobs list: No such option")


def test_help_names_every_command_below_a_heading() -> None:
    headings = re.split(r"^(\w[^\n]*):$", run_titan("--help").text, flags=re.M)

    assert headings[3::2] == ["Everyday", "Resources (each alone lists)", "Maintenance"]
    listed = re.findall(r"^  ([a-z]+) ", "".join(headings[4::2]), re.M)
    assert {name.split()[0] for name in commands()} <= set(listed)


def test_no_command_at_all_is_help() -> None:
    assert run_titan().text == run_titan("--help").text


def test_the_short_form_of_help_works_everywhere() -> None:
    assert run_titan("store", "get", "-h").text == run_titan("store", "get", "--help").text


def test_an_unknown_command_is_refused_with_the_nearest() -> None:
    done = run_titan("jbos")

    assert done.exit_code == 2
    assert done.stderr == "titan: No such command 'jbos'. Did you mean 'jobs'? See `titan --help`.\n"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("runs", "--search"), "titan runs list"),
        (("runs", "note", "R_1", "--score"), "titan runs note"),
        (("--nonsense",), "titan"),
    ],
)
def test_an_option_without_its_value_points_to_the_help_of_its_command(words: tuple[str, ...], command: str) -> None:
    done = run_titan(*words)

    assert (done.exit_code, done.stdout) == (2, b"")
    assert done.stderr.startswith(f"{command}: ")
    assert done.stderr.endswith(f" See `{command} --help`.\n")


def test_help_imports_nothing_heavy() -> None:
    code = "import sys\nfrom titan.cli.app import main\nmain(['--help'])\nprint(*sys.modules, file=sys.stderr)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)

    assert HEAVY & set(done.stderr.split()) == set()
