"""One environment for each rival, made from its lock and nothing else, and made again only when the lock changed.

`python -m benchmarks.rivals.environments [NAME …]` writes the locks anew from `locks/*.in`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.report import ROOT

ENVIRONMENTS: Final = ROOT / ".venv-rivals"
LOCKS: Final = Path(__file__).resolve().parent / "locks"
INSTALL_SECONDS: Final = 900.0  # ray's wheel alone has 70 MB


class CannotInstall(Exception):
    """An environment could not be made here; its rival is reported with the reason, and the run goes on."""


def make_environment(name: str, *, environments: Path = ENVIRONMENTS, locks: Path = LOCKS) -> Path:
    """Return the folder of the environment that `NAME.lock` describes, after making it where it is missing.

    Raises:
        CannotInstall: the packages have no wheel for this machine, or the package index did not answer.
    """
    folder, lock = environments / name, locks / f"{name}.lock"
    stamp = folder / "made-from.lock"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes() and interpreter(folder).exists():
        return folder
    print(f"making {folder.relative_to(ROOT)} from {lock.relative_to(ROOT)}", flush=True)
    install = ("-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--require-hashes", "--no-deps")
    run_or_refuse(name, [sys.executable, "-m", "venv", "--clear", str(folder)])
    run_or_refuse(name, [str(interpreter(folder)), *install, "-r", str(lock)])
    stamp.write_bytes(lock.read_bytes())
    return folder


def interpreter(folder: Path) -> Path:
    """Return the Python of an environment."""
    return folder / "bin/python"


def run_or_refuse(name: str, command: Sequence[str]) -> None:
    """Run a command.

    Raises:
        CannotInstall: it did not start, did not end in time, or failed; the last line of its error says why.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise CannotInstall(f"{name}: expected an environment; {failure}") from failure
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise CannotInstall(f"{name}: expected an environment; {said[-1] if said else f'exit {done.returncode}'}")


def write_lock(name: str, *, locks: Path = LOCKS) -> None:
    """Resolve `NAME.in` to wheels, with their hashes and no address of an index."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, name), Path(folder, f"{name}.lock")
        source.write_text((locks / f"{name}.in").read_text("utf-8"), "utf-8")
        command = [
            *(sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--allow-unsafe"),
            *("--strip-extras", "--no-header", "--annotation-style", "line", "--no-emit-index-url"),
            *("--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options"),
            *("--pip-args", "--only-binary :all:", "--output-file", target.name, source.name),
        ]
        left_out = {"PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"}  # places of this machine add hashes of their own
        environment = {key: value for key, value in os.environ.items() if key not in left_out}
        environment["PIP_CONFIG_FILE"] = os.devnull
        subprocess.run(
            command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment, timeout=INSTALL_SECONDS
        )
        head = f"# What the environment {name} is made from: {name}.in and what it needs, by version and hash.\n"
        # Options of the source, such as `--no-binary` of a package that has no wheel, which pip reads here too.
        head += "".join(f"{line}\n" for line in source.read_text("utf-8").splitlines() if line.startswith("--"))
        (locks / f"{name}.lock").write_text(head + target.read_text("utf-8"), "utf-8")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or sorted(path.stem for path in LOCKS.glob("*.in")):
        write_lock(wanted)
