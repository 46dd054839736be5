"""The commands of a page of Markdown, typed as they stand on a machine where nothing runs.

What is typed: each line of its `sh` and `bash` blocks, each command in bold, and each Python block that is a complete
program. A Python block behind "`NAME.py` …:" becomes that file. Left out is what begins with `make`: these are steps of
`.ci/run`. A command that goes on until Ctrl-C (`titan up`, `titan workers join`) gets a terminal of its own, in the
background. What stands behind "While `titan up` runs" or `make up` has that running.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.sources import ROOT
from tests.support.typed import type_in
from tests.support.waiting import processes_with, wait_until

PRIVATE_NETWORK: Final = (sys.executable, str(ROOT / "tests/support/private_network.py"), "new", "--")

_FOREGROUND: Final = re.compile(r"^(\w+=\S* )*titan (up|workers join)\b")
_UP: Final = re.compile(r"(?i)while\s+`titan up`\s+runs|`make up`|started\s+with `titan up`")
_PART: Final = re.compile(
    r"(?:`(?P<name>\w+\.py)`[^`\n]*:\n\n)?^```(?P<language>sh|bash|python)\n(?P<block>.*?)^```$"
    r"|\*\*`(?P<bold>(?:\.venv/bin/)?(?:titan|python|make)\b[^`]*)`\*\*",
    re.M | re.S,
)
#: `terminal COMMAND` starts a command that goes on until Ctrl-C, once an earlier one on the same port has ended.
_TERMINAL: Final = r"""
terminal() {
    local - && set +x  # how it waits is not shown
    local port=5000 log pid
    [[ $1 =~ --port\ ([0-9]+) ]] && port=${BASH_REMATCH[1]}
    case $1 in *workers\ join*) port=$RANDOM ;; esac
    if [ -f "$HOME/terminal-$port.pid" ]; then
        pid=$(cat "$HOME/terminal-$port.pid")
        kill -INT "$pid"
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    fi
    log=$HOME/terminal-$port.log
    : >"$log"  # the line of the server before would be taken for this one's
    bash -c "$1" >"$log" 2>&1 &
    echo $! >"$HOME/terminal-$port.pid"
    until grep -q 'Ctrl-C' "$log"; do
        kill -0 $! || { cat "$log"; return 1; }
        sleep 0.1
    done
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitutes:
    """What is typed for a page beside its own commands; the rest is typed as it stands."""

    first: str = ""  #: typed at the beginning: the reader's own programs
    before: str = ""  #: typed once the page's server runs: the reader's own runs
    up: str = "titan up"  #: the server that the page mentions before its first command
    instead: Mapping[str, str] = field(
        default_factory=dict
    )  #: the beginning of a line or program → what is typed for it
    words: Mapping[str, str] = field(default_factory=dict)  #: a pattern in any line → what stands there


def pages() -> list[str]:
    """Return the pages with commands, as paths in the repository."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs/guide").glob("*.md"))]
    return [str(file.relative_to(ROOT)) for file in files if _PART.search(file.read_text("utf-8"))]


def script_of(page: str, substitutes: Substitutes) -> str:
    """Return the script that types a page.

    Raises:
        AssertionError: a substitute is for a line that the page does not have.
    """
    text = (ROOT / page).read_text("utf-8")
    unused = {*substitutes.instead, *substitutes.words}
    lines, is_up = [substitutes.first], False
    for part in _PART.finditer(text):
        if not is_up and _UP.search(text[: part.start()]):
            lines += [_in_a_terminal(substitutes.up), substitutes.before]
            is_up = True
        if part["language"] == "python":
            lines += _program(part, substitutes, unused)
            continue
        for line in (part["bold"] or part["block"]).splitlines():
            lines.append(_typed(line, substitutes, unused))
            is_up = is_up or line.startswith("make up")
    assert not unused, f"{page} has no such line any more: {sorted(unused)}"
    return "\n".join((_TERMINAL, "set -x", *lines))


def type_page(
    page: str, folder: Path, substitutes: Substitutes, *, within_seconds: float, settings: Mapping[str, str]
) -> None:
    """Type a page in a new clone, with a new HOME, where no Titan runs; leave no process.

    Raises:
        AssertionError: a command failed; it is the last of those shown.
    """
    clone, home = folder / "titan", folder / "home"
    _clone(clone)
    home.mkdir()
    (home / ".curlrc").write_text("fail-with-body\n")  # a refusal fails the line
    around = {name: value for name, value in os.environ.items() if not name.startswith(("TITAN_", "PYTEST_", "XDG_"))}
    path = f"{clone / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    try:
        type_in(
            script_of(page, substitutes),
            clone,
            environment={**around, **settings, "HOME": str(home), "PATH": path},
            launcher=PRIVATE_NETWORK,
            within_seconds=within_seconds,
        )
    finally:
        wait_until(lambda: not processes_with(f"HOME={home}"), f"what {page} started ends", seconds=within_seconds)


def _clone(target: Path) -> None:
    """Copy the files that Git knows, with a link to this tree's environment: making one takes a minute."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, timeout=60).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(Path(sys.prefix))


def _typed(line: str, substitutes: Substitutes, unused: set[str]) -> str:
    for beginning, other in substitutes.instead.items():
        if line.startswith(beginning):
            unused.discard(beginning)
            return other
    for pattern, other in substitutes.words.items():
        line, found = re.subn(pattern, other, line)
        if found:
            unused.discard(pattern)
    if re.match(r"make up\b", line):
        return _in_a_terminal("titan up")
    if line.startswith("make "):
        return ""
    return _in_a_terminal(line) if _FOREGROUND.match(line) else line


def _in_a_terminal(line: str) -> str:
    command = re.sub(r"\s+#.*", "", line)
    return f"terminal {shlex.quote(command)}"


def _program(part: re.Match[str], substitutes: Substitutes, unused: set[str]) -> list[str]:
    program = part["block"]
    for beginning, other in substitutes.instead.items():
        if program.startswith(beginning):
            unused.discard(beginning)
            return [other]
    name = part["name"] or "complete.py"
    written = f"cat > {name} <<'END_OF_PROGRAM'\n{program}END_OF_PROGRAM"
    if part["name"]:
        return [written]
    return [written, f"python {name}"] if _is_complete(program) else []


def _is_complete(program: str) -> bool:
    """Return whether a program defines or imports every name that it uses."""
    command: Sequence[str] = (sys.executable, "-m", "ruff", "check", "-q", "--isolated", "--select", "F821", "-")
    checked = subprocess.run(command, input=program, capture_output=True, text=True, cwd=ROOT, timeout=60)
    return checked.returncode == 0
