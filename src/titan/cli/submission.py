"""From scripts and options to one DAG, as POST /api/dags takes it."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from titan.cli.arguments import PerJob, require_job
from titan.cli.exit_codes import usage_error
from titan.rules.names import MAX_NAME, NAME

_JOINED_NAMES = 3  # a DAG of up to three scripts is named for all of them: a-b-c


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A file to run as a job."""

    job_name: str
    filename: str  #: base name, kept beside the running process
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the content, 64 hex digits."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """What the options say about the jobs; what they leave out is the server's default."""

    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: by job name
    parents: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: by job name
    chosen: Mapping[str, PerJob[Any]] = field(default_factory=dict)  #: by the name of a job's field on the wire
    environment: Mapping[str, str] = field(default_factory=dict)
    is_cold: bool = False


def read_scripts(texts: Sequence[str]) -> list[Script]:
    """Read each `PATH` (its job is named for the file, without extension) or `NAME=PATH`."""
    scripts: dict[str, Script] = {}
    for text in texts:
        script = _read_script(text)
        if script.job_name in scripts:
            raise usage_error(
                f"job {script.job_name!r}",
                "a name of its own for every script",
                f"two scripts named {script.job_name!r}",
                f"Name one of them: titan submit other={text}",
            )
        scripts[script.job_name] = script
    return list(scripts.values())


def parse_edges(texts: Sequence[str], job_names: Sequence[str], *, is_chain: bool = False) -> dict[str, list[str]]:
    """Return the parents by job: `["report=extract,train"]` gives `{"report": ["extract", "train"]}`.

    In a chain every job has the one before it as a parent too. A parent may be a job of the same agent run
    instead of this submission; the server knows.
    """
    chained = pairwise(job_names) if is_chain else ()
    parents = {child: [parent] for parent, child in chained}
    for text in texts:
        child, _, listed = text.partition("=")
        names = [name.strip() for name in listed.split(",")]
        if not child or not all(names):
            raise usage_error(
                f"--after {text!r}",
                "JOB=PARENT[,PARENT]",
                repr(text),
                "`--after train=extract` runs train after extract.",
            )
        require_job(f"--after {text!r}", child, job_names)
        known = parents.setdefault(child, [])
        known.extend(name for name in dict.fromkeys(names) if name not in known)
    return parents


def default_dag_name(job_names: Sequence[str]) -> str:
    """Return `extract`, `extract-train-report`, or from four jobs on `extract-and-3-more`."""
    if len(job_names) <= _JOINED_NAMES:
        return "-".join(job_names)[:MAX_NAME].rstrip()
    return f"{job_names[0]}-and-{len(job_names) - 1}-more"[:MAX_NAME]


def build_dag(name: str, scripts: Sequence[Script], settings: JobSettings) -> dict[str, object]:
    """Return the body of POST /api/dags; equal contents travel once."""
    return {
        "name": name,
        "scripts": {script.digest: base64.b64encode(script.content).decode("ascii") for script in scripts},
        "jobs": [_build_job(script, settings) for script in scripts],
    }


def _build_job(script: Script, settings: JobSettings) -> dict[str, object]:
    name = script.job_name
    chosen = {wire_field: per_job.of(name) for wire_field, per_job in settings.chosen.items()}
    return {
        "id": name,
        "filename": script.filename,
        "script": script.digest,
        "args": list(settings.arguments.get(name, ())),
        "parents": list(settings.parents.get(name, ())),
        "env": dict(settings.environment),
        "cold": settings.is_cold,
        **{wire_field: value for wire_field, value in chosen.items() if value is not None},
    }


def _read_script(text: str) -> Script:
    name, separator, path_text = text.partition("=")
    if not separator or Path(text).exists():  # a file whose own name holds a "="
        name, path_text = "", text
    path = Path(path_text)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise usage_error(
            f"script {text!r}",
            "a file that can be read",
            error.strerror or str(error),
            "Give a path from this folder, or NAME=PATH to choose the job's name.",
        ) from error
    except ValueError as error:  # a NUL in the path
        raise usage_error(f"script {text!r}", "a path", str(error)) from error
    return Script(job_name=name or _name_of_file(path_text), filename=path.name, content=content)


def _name_of_file(path_text: str) -> str:
    name = Path(path_text).stem
    if NAME.fullmatch(name):
        return name
    raise usage_error(
        f"script {path_text!r}",
        "a file name that can name a job (ASCII letters, digits, inner blanks or _ . : @ + -)",
        repr(name),
        f"Name the job yourself: NAME={path_text}",
    )
