"""How the code and the packages of this process differ from those that a recording was made with."""

from __future__ import annotations

import os
import sys

from titan_sdk.recording.program import digest_of, interpreter, packages, script_folder, script_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["changes"]


def changes(recorded: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how this program differs from what a run's recorded processes say.

    `files`: the paths of modules with other content, or None where it is not known; `packages`: name → version as
    recorded and version now, of those that differ, None where the one or the other has none. Python is one of them.
    """
    script = script_path()
    program = (_of_script(recorded, script) or {}).get("program") or {}
    digests = {file["path"]: file["sha256"] for file in program.get("files") or ()}
    folder = script_folder(script)
    now = {path: _digest(path, folder) for path in digests}
    files = [path for path, digest in digests.items() if now[path] not in (digest, None)]
    return {
        "type": "program",
        "files": files if any(now.values()) else None,
        "packages": _changed_packages(program) if program else {},
    }


def _of_script(recorded: Sequence[dict[str, Any]], script: str | None) -> dict[str, Any] | None:
    """Return the process that ran the script of this one, else the first that Titan did not start."""
    name = os.path.basename(script or "")
    outside = [each for each in recorded if each["process"].get("job_id") is None]
    same = [each for each in recorded if os.path.basename(each["process"].get("script") or "") == name]
    return next(iter((*same, *outside)), None)


def _changed_packages(program: dict[str, Any]) -> dict[str, list[str | None]]:
    was: dict[str, str | None] = {"python": program.get("interpreter"), **(program.get("packages") or {})}
    now = {"python": interpreter(), **packages(sys.path)}
    names = (name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name))
    return {name: [was.get(name), now.get(name)] for name in names}


def _digest(path: str, folder: str | None) -> str | None:
    """Return the digest of a module as it is now; "" where it is gone, None where nobody knows where it would be."""
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
            return digest_of(content.read())
    except OSError:
        return ""
