"""Where a measurement was made: the machine, its load, the versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

import apsw
import psutil


class Machine(TypedDict):
    """What a reader needs to compare two runs."""

    measured_at: str  #: RFC 3339, UTC
    commit: str  #: with `+` when the work tree differs from it
    processor: str
    cores: int
    memory_gb: float
    system: str  #: with the kernel's major and minor version; the rest would name the machine's host
    python: str
    sqlite: str
    file_system: str  #: of the homes and databases that were measured
    load_before: float  #: processes that wanted a core in the minute before; over 0.3 the figures are disturbed


def describe_machine(folder: Path) -> Machine:
    """Describe this machine, and the file system that `folder` lies on."""
    return Machine(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        system=f"{platform.system()} {major_and_minor(platform.release())}",
        python=platform.python_version(),
        sqlite=apsw.sqlite_lib_version(),
        file_system=_file_system(folder),
        load_before=round(os.getloadavg()[0], 2),
    )


def major_and_minor(release: str) -> str:
    """Return the first two numbers of a kernel's release: `6.8` of `6.8.0-45-generic`; as it is when it has none."""
    found = re.match(r"\d+\.\d+", release)
    return found[0] if found else release


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD")
    return commit + ("+" if _git("status", "--porcelain") else "") if commit else "unknown"


def _git(*words: str) -> str:
    answer = subprocess.run(["git", *words], capture_output=True, text=True, cwd=Path(__file__).parent, timeout=120)
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    path = str(folder.resolve())
    partitions = [part for part in psutil.disk_partitions(all=True) if path.startswith(part.mountpoint)]
    return max(partitions, key=lambda part: len(part.mountpoint)).fstype if partitions else "unknown"
