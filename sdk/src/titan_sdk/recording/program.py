"""Report the code of a recorded program: its command, modules, interpreter and packages; compare them in a replay.

It is gathered after a run has begun, on the recorder's thread. The modules are those in the script's folder that are
imported, and those that they import, whether these are loaded yet or not.
"""

from __future__ import annotations

import os
import re
import sys
import time
from hashlib import sha256

from titan_sdk.recording import process, redact
from titan_sdk.recording.calls import line
from titan_sdk.recording.entries import Entry, Lost
from titan_sdk.switches import is_on
from titan_sdk.tape import compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, Protocol

    class RunOfProgram(Protocol):
        """The run that a program is reported with."""

        id: str
        project: str | None


SWITCH = "TITAN_RECORD_CODE"
_is_reported = is_on(SWITCH, is_on_unset=True)  # read here: a mistake in it ends the program before it begins
LARGEST_BYTES = 10 * 2**20  # of all modules together
_MOST_REPORTED = 10_000
#: Ids of runs.
_reported = set[str]()
_OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep
_NOT_OWN = frozenset({"site-packages", "dist-packages", "node_modules", "__pycache__"})
_STANDARD = os.path.dirname(os.__file__) + os.sep
# Not compiled here, to keep the import fast: `re` caches them.
_IMPORT = rb"(?m)^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t(]+([^#\r\n]*)|import[ \t]+([^#\r\n]*))"
_DISTRIBUTION = r"(?P<name>.+?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)"


class ProgramReport:
    """A report about the program of a run."""

    __slots__ = ("_at_ns", "_folders", "_run", "_script")

    def __init__(self, run: RunOfProgram) -> None:
        self._run = run
        self._folders = tuple(sys.path)  # a program may add some later, which a replay would not see
        self._script = _script_path()  # no longer known at the end of the program
        self._at_ns = time.time_ns()

    @property
    def lost(self) -> Lost:
        """How it is counted where it cannot be recorded."""
        return Lost(self._run.id, self._at_ns)

    def entry(self) -> Entry:
        """Return it as an entry: `process`, which differs from run to run, and `program`, which seldom does."""
        fields: dict[str, object] = {"type": "run", "at_ns": self._at_ns, "run_id": self._run.id}
        if self._run.project is not None:
            fields["project"] = self._run.project
        files, script, left_out = _files(self._script, os.environ.get("TITAN_JOB_ID"))
        about = {
            "command": [line(word, 10_000) for word in sys.orig_argv],
            "script": script,
            "folder": _working_folder(),
            "job_id": os.environ.get("TITAN_JOB_ID"),
            "left_out": left_out,
        }
        program = {"interpreter": _interpreter(), "packages": _packages(self._folders), "files": files}
        payloads = {"process": compact_json(about), "program": compact_json(program)}
        redact.leave_out_bodies(fields, payloads)
        return Entry(fields, payloads, redactor=redact.of_process())


def report(run: RunOfProgram) -> None:
    """Report this program with a run, once for each run."""
    if run.id not in _reported and _is_reported:
        _reported.add(run.id)
        process.put(ProgramReport(run))
        if len(_reported) > _MOST_REPORTED:
            _reported.clear()


def changes(recorded: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how this program differs from the recorded processes of a run.

    `files`: the paths of modules with other content, or None where it is not known; `packages`: name → recorded version
    and version now, of those that differ, None where one side has none. Python is one of them.
    """
    script = _script_path()
    program = (_recorded_process(recorded, script) or {}).get("program") or {}
    digests = {file["path"]: file["sha256"] for file in program.get("files") or ()}
    folder = _script_folder(script)
    now = {path: _digest_now(path, folder) for path in digests}
    files = [path for path, digest in digests.items() if now[path] not in (digest, None)]
    return {
        "type": "program",
        "files": files if any(now.values()) else None,
        "packages": _changed_packages(program) if program else {},
    }


def _recorded_process(recorded: Sequence[dict[str, Any]], script: str | None) -> dict[str, Any] | None:
    """Return the process that ran the same script, else the first one outside of jobs."""
    name = os.path.basename(script or "")
    outside = [each for each in recorded if each["process"].get("job_id") is None]
    same = [each for each in recorded if os.path.basename(each["process"].get("script") or "") == name]
    return next(iter((*same, *outside)), None)


def _changed_packages(program: dict[str, Any]) -> dict[str, list[str | None]]:
    was: dict[str, str | None] = {"python": program.get("interpreter"), **(program.get("packages") or {})}
    now = {"python": _interpreter(), **_packages(sys.path)}
    names = (name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name))
    return {name: [was.get(name), now.get(name)] for name in names}


def _digest_now(path: str, folder: str | None) -> str | None:
    """Return a module's digest now; "" where it is gone, None where its place is not known."""
    if folder is None:  # a test, which imports what was a script
        ending = os.path.join(os.sep, path)
        files = (getattr(module, "__file__", None) or "" for module in tuple(sys.modules.values()))
        file = next((file for file in files if file.endswith(ending)), None)
    else:
        file = os.path.join(folder, path)
    if file is None:
        return None
    try:
        with open(file, "rb") as content:
            return sha256(content.read()).hexdigest()
    except OSError:
        return ""


def _script_path() -> str | None:
    """Return the script's file; None where there is none, as under `python -c`."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return path if isinstance(path, str) else None


def _script_folder(script: str | None) -> str | None:
    """Return the folder of a script; of `python -m`, the folder from which its module was found.

    None where it is a command that a package installed.
    """
    if script is None:
        return None
    script = os.path.realpath(script)
    folder = os.path.dirname(script)
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    for _ in range(0 if spec is None else spec.name.count(".")):
        folder = os.path.dirname(folder)
    is_installed = not _NOT_OWN.isdisjoint(folder.split(os.sep)) or os.path.join(folder, "").startswith(_STANDARD)
    return folder if _is_own(script, folder) and not is_installed else None


def _interpreter() -> str:
    """Return the interpreter's name and version: "CPython 3.11.4"."""
    implementation = {"cpython": "CPython", "pypy": "PyPy"}.get(sys.implementation.name, sys.implementation.name)
    return f"{implementation} {'.'.join(map(str, sys.version_info[:3]))}"


def _packages(folders: Iterable[str]) -> dict[str, str]:
    """Return the versions of the packages installed in some folders, read from the names of their metadata."""
    found: dict[str, str] = {}
    for folder in folders:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith("-info") and (match := re.fullmatch(_DISTRIBUTION, name)) is not None:
                found.setdefault(re.sub("[-_.]+", "-", match["name"]).lower(), match["version"])
    return dict(sorted(found.items()))


def _working_folder() -> str | None:
    try:
        return line(os.path.basename(os.getcwd()), 500)
    except OSError:  # it was deleted
        return None


def _files(script: str | None, job_id: str | None) -> tuple[list[dict[str, object]], str | None, str | None]:
    """Return the program's own modules, the script's path among them, and why their content is left out, if it is."""
    folder = _script_folder(script)
    if script is None or folder is None:
        return [], None, "the program is no script: its modules are not known"
    contents = dict(_modules(os.path.realpath(script), folder))
    script = next(iter(contents), None)
    known: list[dict[str, object]] = [
        {"path": path, "sha256": sha256(content).hexdigest(), "size_bytes": len(content)}
        for path, content in contents.items()
    ]
    size = sum(map(len, contents.values()))
    if job_id is not None:
        return known, script, "the job's stored script is the code"
    if size > LARGEST_BYTES:
        return known, script, f"its modules have {size / 2**20:.1f} MiB together, over {LARGEST_BYTES >> 20}"
    for each, content in zip(known, contents.values(), strict=True):
        each["text"] = content.decode("utf-8", "replace")
    return known, script, None


def _modules(script: str, folder: str) -> Iterator[tuple[str, bytes]]:
    """Yield the path below `folder` and the content of each of the program's own modules, its script first."""
    loaded = {path for path in map(_file_of, tuple(sys.modules.values())) if _is_own(path, folder)}
    pending = [script, *sorted(loaded - {script})]
    seen = set(pending)
    while pending:
        path = pending.pop(0)
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            continue
        yield os.path.relpath(path, folder), content
        for found in _imported(content, path, folder):
            if found not in seen and _is_own(found, folder) and os.path.isfile(found):
                seen.add(found)
                pending.append(found)


def _imported(content: bytes, path: str, folder: str) -> Iterator[str]:
    """Yield the files that may define the modules which a module imports."""
    for origin, names, modules in re.findall(_IMPORT, content):
        level = len(origin) - len(origin.lstrip(b"."))
        base = os.path.dirname(path) if level else folder
        for _ in range(level - 1):
            base = os.path.dirname(base)
        above = origin.decode().strip(".").replace(".", os.sep)
        parts = re.findall(r"(?:^|,)[ \t(]*([\w.]+)", (names or modules).decode("utf-8", "replace"))
        for place in (above, *(os.path.join(above, part.replace(".", os.sep)) for part in parts)):
            while place:
                yield from (os.path.join(base, f"{place}.py"), os.path.join(base, place, "__init__.py"))
                place = os.path.dirname(place)


def _file_of(module: object) -> str:
    path = getattr(module, "__file__", None)
    if not isinstance(path, str) or path.startswith((_STANDARD, _OURS)):  # most modules: no access to the disk
        return ""
    return os.path.realpath(path)


def _is_own(path: str, folder: str) -> bool:
    """Return whether a file is a module in a folder, and not a library's."""
    below = path.removeprefix(os.path.join(folder, ""))
    if below == path or not path.endswith(".py") or path.startswith(_OURS):
        return False
    return not any(part in _NOT_OWN or part.startswith(".") for part in below.split(os.sep))
