"""What a recorded program is made of: its command, its modules, its interpreter and its packages.

Gathered once a run has begun, on the recorder's thread: of the modules that lie in the script's folder those that are
imported, and those that these import, whether they have been by now or not. `titan_sdk.replaying` compares them.
"""

from __future__ import annotations

import os
import re
import sys
import time
from hashlib import sha256

from titan_sdk.recording import process, redact
from titan_sdk.recording.entry import Entry, Lost, line
from titan_sdk.tape import compact_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    class OfRun(Protocol):
        """What is to be known of the run that a program belongs to."""

        id: str
        project: str | None


__all__ = ["ProgramNote", "digest_of", "interpreter", "packages", "report", "script_folder", "script_path"]

SWITCH = "TITAN_RECORD_CODE"
LARGEST_BYTES = 10 * 2**20  # of all modules together
_OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep
_NOT_OWN = frozenset({"site-packages", "dist-packages", "node_modules", "__pycache__"})
_STANDARD = os.path.dirname(os.__file__) + os.sep
# Texts, for importing this is to take no time: `re` keeps what it compiled.
_IMPORT = rb"(?m)^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t(]+([^#\r\n]*)|import[ \t]+([^#\r\n]*))"
_DISTRIBUTION = r"(?P<name>.+?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)"


class ProgramNote:
    """What is to be reported of the program that a run belongs to."""

    __slots__ = ("_at_ns", "_folders", "_run", "_script")

    def __init__(self, run: OfRun) -> None:
        self._run = run
        self._folders = tuple(sys.path)  # a program may add some later, which a replay would not see
        self._script = script_path()  # by the end of the program it does not know any more
        self._at_ns = time.time_ns()

    @property
    def lost(self) -> Lost:
        """What is counted where it cannot be recorded."""
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
        program = {"interpreter": interpreter(), "packages": packages(self._folders), "files": files}
        payloads = {"process": compact_json(about), "program": compact_json(program)}
        redact.leave_out_bodies(fields, payloads)
        return Entry(fields, payloads, redactor=redact.of_process())


def report(run: OfRun) -> None:
    """Have the program that a run begins in reported, once for each run."""
    if run.id not in _reported and not process.is_off(SWITCH):
        _reported.add(run.id)
        process.put(ProgramNote(run))
        if len(_reported) > _MOST_REPORTED:
            _reported.clear()


def script_path() -> str | None:
    """Return the file of the program's script; None where it has none, as under `python -c`."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return path if isinstance(path, str) else None


def script_folder(script: str | None) -> str | None:
    """Return the folder of a script; of `python -m`, that from which its module was found.

    None where it is no module of a user's, but a command that a package installed.
    """
    if script is None:
        return None
    script = os.path.realpath(script)
    folder = os.path.dirname(script)
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    for _ in range(0 if spec is None else spec.name.count(".")):
        folder = os.path.dirname(folder)
    return folder if _is_own(script, folder) and not _is_installed(folder) else None


def digest_of(content: bytes) -> str:
    """Return what a module's content is known by."""
    return sha256(content).hexdigest()


def interpreter() -> str:
    """Return the interpreter's name and version: "CPython 3.11.4"."""
    implementation = {"cpython": "CPython", "pypy": "PyPy"}.get(sys.implementation.name, sys.implementation.name)
    return f"{implementation} {'.'.join(map(str, sys.version_info[:3]))}"


def packages(folders: Iterable[str]) -> dict[str, str]:
    """Return the versions of the packages that are installed in some folders, read from the names of theirs."""
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
    """Return the program's own modules, which of them is its script, and why their content is left out, if it is."""
    folder = script_folder(script)
    if script is None or folder is None:
        return [], None, "the program is no script: its modules are not known"
    contents = dict(_modules(os.path.realpath(script), folder))
    script = next(iter(contents), None)
    known: list[dict[str, object]] = [
        {"path": path, "sha256": digest_of(content), "size_bytes": len(content)} for path, content in contents.items()
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
    """Yield the paths, below `folder`, and the contents of the program's own modules, its script first."""
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
    """Yield the files that the modules which a module imports may be in."""
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
    if not isinstance(path, str) or path.startswith((_STANDARD, _OURS)):  # most do: no look at the disk
        return ""
    return os.path.realpath(path)


def _is_own(path: str, folder: str) -> bool:
    """Tell whether a file is a module in a folder, and no library's."""
    below = path.removeprefix(os.path.join(folder, ""))
    if below == path or not path.endswith(".py") or path.startswith(_OURS):
        return False
    return not any(part in _NOT_OWN or part.startswith(".") for part in below.split(os.sep))


def _is_installed(folder: str) -> bool:
    return not _NOT_OWN.isdisjoint(folder.split(os.sep)) or os.path.join(folder, "").startswith(_STANDARD)


_MOST_REPORTED = 10_000
#: Ids of runs.
_reported = set[str]()
