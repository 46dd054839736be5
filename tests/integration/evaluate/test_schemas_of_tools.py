"""Schemas that anybody stores: the server fetches nothing for them, reads no file, and answers at once."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.evaluations import PROJECT
from tests.support.raw_http import ask_json
from tests.unit.world.a_shop import DEFINITION
from tests.unit.world.test_schemas import doubling


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def with_tool(**schemas: Any) -> dict[str, Any]:
    return {"world": {**DEFINITION, "tools": [{"name": "note", **schemas}]}, "fields": []}


@pytest.mark.parametrize("keyword", ["input_schema", "output_schema"])
@pytest.mark.parametrize("way", ["put", "apply", "plan"])
def test_a_schema_that_points_elsewhere_is_refused_and_nobody_is_asked(
    port: int, listener: socket.socket, tmp_path: Path, keyword: str, way: str
) -> None:
    secret = tmp_path / "private.json"
    secret.write_text('{"const": "INTERNAL-SECRET-77"}', "utf-8")
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/x"

    for reference in (address, address.replace("http:", "https:"), secret.as_uri()):
        definition = with_tool(**{keyword: {"properties": {"a": {"$ref": reference}}}})
        if way == "put":
            answer = ask_json(port, "PUT", f"{PROJECT}/workflows/points-away", {"definition": definition})
        else:
            body = {"workflow": "points-away", "definition": definition, "agents": {}, "tasks": []}
            answer = ask_json(port, "POST", f"{PROJECT}/apply", {**body, "endpoints": {}, "plan": way == "plan"})

        assert answer.status == 400, answer.body
        assert f"tools.note.{keyword}" in answer.value["error"]["message"]
        assert b"INTERNAL-SECRET" not in answer.body
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert ask_json(port, "GET", f"{PROJECT}/workflows/points-away").status == 404


def test_a_small_schema_that_expands_without_end_is_refused_by_the_name_of_its_tool(port: int) -> None:
    definition = with_tool(input_schema=doubling(28))

    answer = ask_json(port, "PUT", f"{PROJECT}/workflows/doubling", {"definition": definition})

    assert answer.status == 400
    assert "tools.note.input_schema" in answer.value["error"]["message"]
    assert "expected at most 10,000" in answer.value["error"]["message"]
