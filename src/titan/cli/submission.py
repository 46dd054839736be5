"""From scripts and options to one DAG, as POST /api/dags takes it."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from titan.cli.arguments import PerJob, require_job
from titan.cli.exits import usage_error
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


_SERVERS_DEFAULT: PerJob[Any] = PerJob()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """What the options say about the jobs; what they leave out is the server's default."""

    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: by job name
    parents: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: by job name
    requirement: PerJob[str] = _SERVERS_DEFAULT
    priority: PerJob[int] = _SERVERS_DEFAULT
    retries: PerJob[int] = _SERVERS_DEFAULT
    backoff_seconds: PerJob[float] = _SERVERS_DEFAULT
    timeout_seconds: PerJob[float] = _SERVERS_DEFAULT
    delay_seconds: PerJob[float] = _SERVERS_DEFAULT
    question: PerJob[str] = _SERVERS_DEFAULT  #: what a person is asked behind the job
    max_wait_seconds: PerJob[float] = _SERVERS_DEFAULT
    concurrency_key: PerJob[str] = _SERVERS_DEFAULT
    concurrency_limit: PerJob[int] = _SERVERS_DEFAULT
    environment: Mapping[str, str] = field(default_factory=dict)
    is_cold: bool = False


def read_scripts(texts: Sequence[str]) -> list[Script]:
    """Read each `PATH` (its job is named for the file, without extension) or `NAME=PATH`.

    Raises:
        CommandFailed: a file cannot be read, or two jobs would have one name.
    """
    scripts: dict[str, Script] = {}
    for text in texts:
        script = _read_script(text)
        if script.job_name in scripts:
            raise usage_error(
                f"job {script.job_name!r}",
                expected="a name of its own for every script",
                found=f"two scripts named {script.job_name!r}",
                next_step=f"Name one of them: titan submit other={text}",
            )
        scripts[script.job_name] = script
    return list(scripts.values())


def parse_edges(texts: Sequence[str], job_names: Sequence[str], *, is_chain: bool = False) -> dict[str, list[str]]:
    """Return the parents by job: `["report=extract,train"]` gives `{"report": ["extract", "train"]}`.

    In a chain every job has the one before it as a parent too. A parent may be a job of the same agent run
    instead of this submission; the server knows.

    Raises:
        CommandFailed: a text is not `JOB=PARENT[,PARENT]`, or its job is not in `job_names`.
    """
    chained = pairwise(job_names) if is_chain else ()
    parents = {child: [parent] for parent, child in chained}
    for text in texts:
        child, _, listed = text.partition("=")
        names = [name.strip() for name in listed.split(",")]
        if not child or not all(names):
            raise usage_error(
                f"--after {text!r}",
                expected="JOB=PARENT[,PARENT]",
                found=repr(text),
                next_step="`--after train=extract` runs train after extract.",
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
    delay_seconds = settings.delay_seconds.of(name)
    chosen: dict[str, object] = {
        "args": list(settings.arguments.get(name, ())),
        "parents": list(settings.parents.get(name, ())),
        "requirement": settings.requirement.of(name),
        "priority": settings.priority.of(name),
        "retries": settings.retries.of(name),
        "backoff_seconds": settings.backoff_seconds.of(name),
        "timeout_seconds": settings.timeout_seconds.of(name),
        "delay_ms": None if delay_seconds is None else round(delay_seconds * 1000),
        "hitl_message": settings.question.of(name),
        "max_wait_seconds": settings.max_wait_seconds.of(name),
        "concurrency_key": settings.concurrency_key.of(name),
        "concurrency_limit": settings.concurrency_limit.of(name),
        "env": dict(settings.environment),
        "cold": settings.is_cold,
    }
    required = {"id": name, "filename": script.filename, "script": script.digest}
    return required | {key: value for key, value in chosen.items() if value is not None}


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
            expected="a file that can be read",
            found=error.strerror or str(error),
            next_step="Give a path from this folder, or NAME=PATH to choose the job's name.",
        ) from error
    except ValueError as error:  # a NUL in the path
        raise usage_error(f"script {text!r}", expected="a path", found=str(error)) from error
    return Script(job_name=name or _name_of_file(path_text), filename=path.name, content=content)


def _name_of_file(path_text: str) -> str:
    name = Path(path_text).stem
    if NAME.fullmatch(name):
        return name
    raise usage_error(
        f"script {path_text!r}",
        expected="a file name that can name a job (ASCII letters, digits, inner blanks or _ . : @ + -)",
        found=repr(name),
        next_step=f"Name the job yourself: NAME={path_text}",
    )
