"""The guide's examples run, and give what the guide says."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.heard import recorded_locally
from tests.support.programs import run_program
from tests.support.running_titan import running_titan
from tests.support.sources import ROOT
from titan_sdk import TitanClient
from titan_sdk.wire import Gate

BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
GIVES = re.compile(r"#\s->\s(.+)$")
SDK = ROOT / "docs/guide/sdk.md"
RECORDING = ROOT / "docs/guide/recording.md"
RESUME = ROOT / "docs/guide/resume.md"


@pytest.fixture
def in_a_folder_of_its_own(tmp_path: Path) -> Iterator[Path]:
    """Work in `tmp_path`, with a server that TITAN_HOST and TITAN_PORT name."""
    with running_titan(tmp_path / "home") as titan:
        before, environment = Path.cwd(), dict(os.environ)
        os.chdir(tmp_path)
        os.environ.update(titan.environment)
        try:
            yield tmp_path
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(environment)


def statements(block: str) -> Iterator[tuple[ast.stmt, str | None]]:
    """Yield each statement, and what the comment behind it says that it gives."""
    lines = block.splitlines()
    for statement in ast.parse(block).body:
        said = GIVES.search(lines[(statement.end_lineno or 0) - 1])
        yield statement, said[1] if said else None


def run_block(block: str, names: dict[str, object]) -> list[str]:
    """Run a block; return where it gave something else than it says."""
    wrong = []
    for statement, said in statements(block):
        if said is None or not isinstance(statement, ast.Expr):
            exec(compile(ast.Module([statement], []), "<guide>", "exec"), names)
            continue
        given = eval(compile(ast.Expression(statement.value), "<guide>", "eval"), names)
        if str.__repr__(given) != said if isinstance(given, str) else repr(given) != said:
            wrong.append(f"{ast.unparse(statement)} gives {given!r}, not {said}")
    return wrong


def test_every_example_of_the_client_page_gives_the_documented_result(in_a_folder_of_its_own: Path) -> None:
    names: dict[str, object] = {}

    wrong = [line for block in BLOCK.findall(SDK.read_text("utf-8")) for line in run_block(block, names)]

    assert wrong == []


def test_the_example_of_the_page_on_resuming_goes_as_the_page_says(in_a_folder_of_its_own: Path) -> None:
    page = RESUME.read_text("utf-8")
    (program,) = BLOCK.findall(page)
    first_output, second_output = re.findall(r"^```text\n(.*?)^```", page, re.M | re.S)
    script = in_a_folder_of_its_own / "digest.py"
    script.write_text(program)
    for name, text in (("collect", ""), ("summarise", ""), ("send", "assert False")):
        (in_a_folder_of_its_own / f"{name}.py").write_text(text)
    server = {name: os.environ[name] for name in ("TITAN_HOST", "TITAN_PORT")}

    first = run_program(script, cwd=in_a_folder_of_its_own, env=server)
    (run_id,) = {job["agent_run_id"] for job in TitanClient().jobs()}
    (in_a_folder_of_its_own / "send.py").write_text("print('sent')")
    second = run_program(script, cwd=in_a_folder_of_its_own, env={**server, "TITAN_RESUME_RUN_ID": str(run_id)})

    assert (first.returncode, second.returncode) == (1, 0)
    assert said(first.stdout) == first_output
    assert said(second.stdout) == second_output
    assert TitanClient().get_run(str(run_id))["status"] == "completed"


def said(output: str) -> str:
    """Return what a program printed without the client's own announcements."""
    return "".join(line for line in output.splitlines(keepends=True) if not line.startswith("[SDK]"))


def test_every_public_method_is_on_the_page() -> None:
    page = SDK.read_text("utf-8")
    public: list[tuple[str, Callable[..., object]]] = [
        (name, method) for name, method in vars(TitanClient).items() if not name.startswith("_") and callable(method)
    ]

    missing = [name for name, _ in public if f"client.{name}(" not in page and f"`{name}(" not in page]

    assert missing == []


def test_every_example_of_the_recording_page_gives_the_documented_result_and_is_recorded() -> None:
    names: dict[str, object] = {}

    with recorded_locally() as heard:
        wrong = [
            problem for block in BLOCK.findall(RECORDING.read_text("utf-8")) for problem in run_block(block, names)
        ]

    assert wrong == []
    assert {each["name"] for each in heard.actions()} == {
        *("search", "charge", "rank", "turn", "thinking", "WRITER", "cache_warmed", "refund", "unlock"),
    }
    assert b"AT61" not in b"".join(heard.bodies)


def test_the_guide_lists_the_keys_of_a_gate() -> None:
    listed = re.search(r"A gate is a dictionary: (.*?)\. ", SDK.read_text("utf-8"), re.S)

    assert listed is not None
    assert re.findall(r"`(\w+)`", listed[1]) == list(Gate.__annotations__)
