"""What was captured of foreign clients is what they say, whole, and tells of no machine."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.support.captured import content_of, without_secret
from tests.support.capturing import CAPTURED, NEUTRAL_FOLDER, captured, say_again, server_for
from tests.support.client_shapes import shape
from tests.support.foreign import LOCKS
from tests.support.foreign_programs import PROGRAMS, Program, converse
from tests.support.tap import a_tap

of_each_program = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)

#: A file of Python, and what begins as somebody's own folder or one of this server's tokens does.
SOURCE_FILE: Final = re.compile(rb"(?<![\w.:/])/[\w./-]+\.py\b")
PRIVATE: Final = re.compile(rb"/(?:home|root|Users)/|titan_[0-9a-f]{12}_")


def test_every_program_of_a_client_is_captured() -> None:
    programs = {path.stem for path in LOCKS.glob("*.py")}

    assert programs == {program.path.stem for program in PROGRAMS.values()}
    assert set(PROGRAMS) == {path.stem for path in CAPTURED.glob("*.jsonl")}


@of_each_program
def test_a_capture_holds_no_path_of_a_machine_and_no_secret(program: Program) -> None:
    exchanges = captured(program).exchanges

    for one in exchanges:
        told = b"\n".join((one.request.path.encode(), content_of(one.request), one.answer))
        elsewhere = [path for path in SOURCE_FILE.findall(told) if not path.startswith(bytes(NEUTRAL_FOLDER) + b"/")]
        assert (elsewhere, PRIVATE.findall(told)) == ([], [])
        assert one.request.headers.get("authorization", "Bearer none").endswith(" none")


def test_a_replayed_capture_is_received_byte_for_byte(tmp_path: Path) -> None:
    program = PROGRAMS["agentsentinel_new"]

    with server_for(program, tmp_path) as (titan, token), a_tap(titan.sdk_port) as (tap, wire):
        said = say_again(program, wire.port, token=token)
        heard = tap.exchanges

    assert [replace(one, request=without_secret(one.request)) for one in heard] == said.exchanges
    assert {one.request.headers["authorization"].partition(" ")[2] for one in heard} == {token}


@pytest.mark.slow
@pytest.mark.live_client
@of_each_program
def test_a_capture_matches_a_new_conversation_of_its_client(program: Program, tmp_path: Path) -> None:
    was = captured(program)
    (folder := tmp_path / "folder").mkdir()

    with server_for(program, tmp_path) as (titan, token):
        now = converse(program, titan.sdk_port, token=token, folder=folder)

    assert shape(now.exchanges) == shape(was.exchanges)
    assert now.printed == was.printed
