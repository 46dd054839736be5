"""Build the wheels of a release into dist: the server's, and the SDK's, which the server's requires by version.

Run by `make wheels`. Built without it, as by `pip install .`, the server's requires the SDK's folder in the clone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SDK: Final = ROOT / "sdk"


def main(arguments: Sequence[str]) -> None:
    """Build both wheels into the folder that is named."""
    options = argparse.ArgumentParser(description="Build Titan's two wheels.")
    options.add_argument("--into", type=Path, default=ROOT / "dist", help="the folder for the wheels (default: dist)")
    build(options.parse_args(arguments).into)


def build(folder: Path) -> None:
    """Write the two wheels into `folder`, with the packages of this environment and none that is fetched."""
    version = tomllib.loads((SDK / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    command = [
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"),
        *("--wheel-dir", str(folder), str(SDK), str(ROOT)),
    ]
    # pyproject.toml takes the rest of the requirement from there.
    subprocess.run(command, check=True, env={**os.environ, "TITAN_SDK_REQUIREMENT": f"=={version}"}, timeout=600)


if __name__ == "__main__":
    main(sys.argv[1:])
