"""docs/guide/settings-examples.md is typed into a shell from its first line to its last, and sets every setting."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.ports import held_ports
from tests.support.postgres import a_database
from tests.support.sources import ROOT
from tests.support.typed import type_in
from titan.settings import SETTINGS

PAGE: Final = (ROOT / "docs/guide/settings-examples.md").read_text("utf-8")
SCRIPT: Final = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S))


@pytest.mark.needs("curl", "jq", "openssl")
def test_the_page_works_as_it_is_typed(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    around = {name: value for name, value in os.environ.items() if not name.startswith("TITAN_")}
    with a_database(is_empty=True) as database, held_ports(2) as [port, sdk_port]:
        script = SCRIPT.replace("--port 5000", f"--port {port}").replace("9090", str(sdk_port))
        script = script.replace("postgres://titan@db.example/titan", database)
        type_in(script, tmp_path, environment={**around, "PATH": path, "HOME": str(tmp_path)})


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS])
def test_the_page_sets_every_setting(name: str) -> None:
    assert re.search(rf"\b{name}=\S", SCRIPT)
