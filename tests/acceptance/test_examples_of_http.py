"""docs/guide/http-examples.md is typed into a shell from its first line to its last, and names every route there is."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.running_titan import running_titan
from tests.support.sources import ROOT
from tests.support.typed import type_in
from titan.server.http.route import Route
from titan.server.http.table import ROUTES

PAGE: Final = (ROOT / "docs/guide/http-examples.md").read_text("utf-8")


def code(language: str) -> str:
    """Return the page's blocks in a language, one after the other."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S))


@pytest.mark.needs("curl", "jq")
def test_every_request_of_the_page_is_answered_well(tmp_path: Path) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(code("json"))

    with running_titan(tmp_path / "home", model=f"scripted:{answers}") as titan:
        script = code("sh").replace("http://127.0.0.1:5000", f"http://127.0.0.1:{titan.sdk_port}")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        around = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
        type_in(
            script,
            tmp_path,
            environment={**around, "PATH": path, "HOME": str(tmp_path), "TITAN_HOME": str(tmp_path / "home")},
        )


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_page_has_an_example_of_every_route(route: Route) -> None:
    path = re.sub(r"{\w+}", r"[^/\\s?]+", route.path)
    method = rf"-X {route.method} " if route.method != "GET" else "(?!-X)"

    assert re.search(rf'(\$SHOW|curl -sSN) {method}"?\$TITAN{path}(?![\w/])', spelt_out(code("sh")))


def spelt_out(script: str) -> str:
    """Return the script with what a shell would put there in place of `$( … )`, so that a path has no blanks."""
    return re.sub(r"\$\((?:[^()]|\([^()]*\))*\)", "X", script) + script
