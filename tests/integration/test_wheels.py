"""The wheels of a release install without the clone, and the SDK's without any other package."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from sysconfig import get_path
from zipfile import Path as PathInZip

import pytest

from tests.support.sources import ROOT


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        [sys.executable, ROOT / "scripts" / "wheels.py", "--into", folder], check=True, cwd=folder, timeout=300
    )
    return folder


def test_the_servers_wheel_requires_the_sdk_of_its_version_and_the_sdks_requires_nothing(wheels: Path) -> None:
    sdk, server = metadata_of(wheels, "titan_agents_sdk"), metadata_of(wheels, "titan")

    assert [line for line in server.requires or [] if "sdk" in line] == [f"titan-agents-sdk[async]=={sdk.version}"]
    assert [line for line in sdk.requires or [] if "extra ==" not in line] == []


def test_the_sdk_works_in_an_environment_that_holds_nothing_else(wheels: Path, tmp_path: Path) -> None:
    python = an_environment(tmp_path)

    install(python, wheels, "titan-agents-sdk")

    said = run(python, "-c", "import titan_sdk; print(titan_sdk.TitanClient(port=1).submit_job, titan_sdk.__file__)")
    assert str(tmp_path) in said
    asking = "import titan_sdk\ntry: titan_sdk.AsyncTitanClient()\nexcept titan_sdk.errors.NotSupported as e: print(e)"
    assert "pip install 'titan-agents-sdk[async]'" in run(python, "-c", asking)


def test_both_wheels_make_a_titan_that_works_without_the_clone(wheels: Path, tmp_path: Path) -> None:
    python = an_environment(tmp_path)
    packages_of_others = get_path("purelib")  # of this environment: what Titan depends on; not its .pth files
    Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"), "others.pth").write_text(
        packages_of_others, "utf-8"
    )

    install(python, wheels, "titan", "titan-agents-sdk")

    files = run(python, "-c", "import titan, titan_sdk; print(titan.__file__, titan_sdk.__file__)").split()
    assert [str(tmp_path) in file for file in files] == [True, True]
    assert "titan up" in run(python, str(python.with_name("titan")), "--help")


def metadata_of(wheels: Path, name: str) -> Distribution:
    [wheel] = wheels.glob(f"{name}-[0-9]*.whl")
    [info] = [path for path in PathInZip(wheel).iterdir() if path.name.endswith(".dist-info")]
    return PathDistribution(info)


def an_environment(folder: Path) -> Path:
    """Make an environment without packages, and return its interpreter."""
    venv.create(folder / "environment", with_pip=False, symlinks=True)
    return folder / "environment" / "bin" / "python"


def install(python: Path, wheels: Path, *names: str) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*command, "--ignore-installed", "--find-links", str(wheels), *names], check=True, timeout=300)


def run(python: Path, *arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TITAN_"))}
    done = subprocess.run(
        [python, *arguments],
        env=clean,
        cwd=python.parent,
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout.strip()
