"""Jobs of a DAG: the script to run, its parents, the worker it needs, and its retries."""

from __future__ import annotations

import os
import re
import sys

from titan_sdk.errors import InvalidInput, NotSupported
from titan_sdk.stages import forked_environment, inherited_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal, TypeAlias

    from titan_sdk.wire import JobItem

    Affinity: TypeAlias = bool | Literal["required"]

MAX_WAIT_SECONDS = 172_800.0  # the original's two days
REMOTE_ASSET = "REMOTE_ASSET"  # the original's payload of a job whose code is in an archive
_SERVICE_TYPES = ("SERVICE", "DEPLOY_PAYLOAD")
_AFFINITY_ON_THE_WIRE: Mapping[object, str] = {False: "none", True: "soft", "required": "required"}
_NEEDS_SHELL_RULES = re.compile(r"[\"'\\]").search


class TitanJob:
    """A script to run once its parents are done.

    The file is read now, so it may be deleted afterwards. It is searched in the working directory, then in
    the folder of the running script; only its base name and its content are sent.

        extract = TitanJob("extract", "etl/extract.py", args=["--day", "2024-05-01"])
        train = TitanJob("train", "ml/train.py", parents=["extract"], requirement="GPU", retries=2, backoff=3)

    Args:
        job_id: the job's name, unique in its DAG.
        filename: path of the script; `.py` runs in Titan's Python, `.sh` with bash.
        job_type: RUN_PAYLOAD, or any other word for a one-off run. SERVICE and DEPLOY_PAYLOAD come later.
        args: a list, or one shell-quoted string.
        parents: names of jobs that must be COMPLETED first.
        port: of a service; those come later.
        is_archive: `filename` is "<zip>/<entry>", a file in an archive that `upload_project_folder` stored.
        priority: higher goes first.
        delay: milliseconds from the moment that all parents are done.
        affinity: True prefers the worker that ran the first parent to finish, "required" requires it.
        requirement: what the worker must offer, such as GENERAL or GPU.
        hitl_message: a question to a person once the job has completed; its children wait for the approval
            (a gate; see `TitanClient.approve`).
        max_wait_seconds: after which the gate counts as rejected.
        script_content: the script itself, instead of reading `filename`; that then only names it.
        retries: how often a failed attempt is repeated.
        backoff: seconds before the first repetition, doubling with each, at most 3600: 3 waits 3, 6, 12 s.
        timeout: seconds after which an attempt's whole process tree is killed; None for no limit.
        max_lost: how often a lost attempt (its worker or machine is gone) is repeated.
        env: environment variables of the job, on top of its worker's.
        cold: start a fresh interpreter instead of forking a warm one.
        concurrency_key: of all jobs with this key, in any DAG, at most `concurrency_limit` run at once.
        concurrency_limit: 1 or more.

    Raises:
        FileNotFoundError: the script is in neither folder.
        InvalidInput: `parents` is a string instead of a list.
    """

    def __init__(
        self,
        job_id: str,
        filename: str,
        job_type: str = "RUN_PAYLOAD",
        args: str | Sequence[object] | None = None,
        parents: Sequence[str] | None = None,
        port: int = 0,
        is_archive: bool = False,
        priority: int = 1,
        delay: int = 0,
        affinity: Affinity = False,
        requirement: str = "GENERAL",
        hitl_message: str | None = None,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
        *,
        script_content: str | bytes | None = None,
        retries: int = 0,
        backoff: float = 0.0,
        timeout: float | None = None,
        max_lost: int = 3,
        env: Mapping[str, str] | None = None,
        cold: bool = False,
        concurrency_key: str | None = None,
        concurrency_limit: int = 1,
    ) -> None:
        self.id = job_id
        self.filename = filename
        self.job_type = job_type
        self.args: str | list[object] = _kept_args(args)
        self.parents = _parent_names(job_id, parents)
        self.port = port
        self.is_archive = is_archive
        self.priority = priority
        self.delay = delay
        self.affinity = affinity
        self.requirement = requirement
        self.hitl_message = hitl_message
        self.max_wait_seconds = max_wait_seconds
        self.retries = retries
        self.backoff = backoff
        self.timeout = timeout
        self.max_lost = max_lost
        self.env = dict(env) if env is not None else {}
        self.cold = cold
        self.concurrency_key = concurrency_key
        self.concurrency_limit = concurrency_limit
        #: The script's content; empty for an archive.
        self.script = b"" if is_archive else _script(filename, script_content)

    def __repr__(self) -> str:
        return f"TitanJob({self.id!r}, {self.filename!r}, parents={self.parents!r})"

    @property
    def payload_b64(self) -> str:
        """The script's content in base64, or "REMOTE_ASSET" for an archive, as the original has it."""
        if self.is_archive:
            return REMOTE_ASSET
        import binascii

        return binascii.b2a_base64(self.script, newline=False).decode("ascii")


class TitanGate(TitanJob):
    """A question to a person between jobs: its children run once it is approved.

    It uses no slot of a worker while it waits. If it is rejected or expires, it fails, and its children are cancelled.

        client.submit_dag("release", [
            TitanJob("build", "build.py"),
            TitanGate("approve-release", "Ship it?", parents=["build"]),
            TitanJob("ship", "ship.py", parents=["approve-release"]),
        ])

    Args:
        job_id: the gate's name, unique in its DAG.
        message: the question.
        parents: names of jobs that must be COMPLETED before it opens.
        max_wait_seconds: after which it expires.

    Raises:
        InvalidInput: `parents` is a string instead of a list.
    """

    def __init__(
        self,
        job_id: str,
        message: str,
        parents: Sequence[str] | None = None,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        super().__init__(
            job_id, "", parents=parents, hitl_message=message, max_wait_seconds=max_wait_seconds, script_content=""
        )

    def __repr__(self) -> str:
        return f"TitanGate({self.id!r}, {self.hitl_message!r}, parents={self.parents!r})"


def wire_item(job: TitanJob, *, script_digest: str) -> JobItem:
    """Return the job in the API's form; `script_digest` is that of its script, if it has one.

    Raises:
        NotSupported: it uses an argument that this version of Titan does not serve yet.
        InvalidInput: its arguments cannot be read, or an archive's file name.
    """
    if isinstance(job, TitanGate):
        return {
            "kind": "gate",
            "id": job.id,
            "filename": "",
            "parents": job.parents,
            "hitl_message": job.hitl_message,
            "max_wait_seconds": job.max_wait_seconds,
        }
    _refuse_what_comes_later(job)
    item: JobItem = {
        "id": job.id,
        "filename": os.path.basename(job.filename),
        "args": _argument_list(job),
        "parents": job.parents,
        "priority": job.priority,
        "delay_ms": job.delay,
        "affinity": _affinity(job),
        "requirement": job.requirement,
        "retries": job.retries,
        "backoff_seconds": job.backoff,
        "timeout_seconds": job.timeout,
        "max_lost": job.max_lost,
        "env": {**job.env, **inherited_environment()},
        "cold": job.cold or bool(inherited_environment()),
    }
    if job.is_archive:
        item["archive"], item["filename"] = _archive_and_entry(job)
    else:
        item["script"] = script_digest
    if job.hitl_message:
        item["hitl_message"] = job.hitl_message
        item["max_wait_seconds"] = job.max_wait_seconds
    if job.concurrency_key is not None:
        item["concurrency_key"] = job.concurrency_key
        item["concurrency_limit"] = job.concurrency_limit
    return item


def _parent_names(job_id: str, parents: Sequence[str] | None) -> list[str]:
    if not isinstance(parents, str):
        return list(parents or ())
    raise InvalidInput(
        subject=f"job {job_id!r}",
        expected="parents as a list of job names",
        found=f"parents={parents!r}",
        next_step=f"Write parents=[{parents!r}].",
    )


def _kept_args(args: str | Sequence[object] | None) -> str | list[object]:
    if args is None:
        return ""
    return args if isinstance(args, str) else list(args)


def _script(filename: str, content: str | bytes | None) -> bytes:
    if content is not None:
        return content.encode() if isinstance(content, str) else bytes(content)
    folder = _running_scripts_folder()
    paths = [filename, os.path.join(folder, filename)]
    if forked_environment() or "TITAN_REPLAY" in os.environ:  # a run's stored scripts are beside its program
        paths.append(os.path.join(folder, os.path.basename(filename)))
    for path in paths:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read()
    # The original's message: scripts search for it.
    raise FileNotFoundError(f"❌ File '{filename}' not found. Please provide the correct absolute path.")


def _running_scripts_folder() -> str:
    """Return the folder of the running program: a job that submits itself finds its own file there."""
    running = getattr(sys.modules.get("__main__"), "__file__", None) or sys.argv[0]
    return os.path.dirname(os.path.abspath(running))


def _refuse_what_comes_later(job: TitanJob) -> None:
    if job.job_type in _SERVICE_TYPES:
        raise _later(job, "job_type", job.job_type, "Use job_type='RUN_PAYLOAD', or run the service yourself.")
    if job.port != 0:
        raise _later(job, "port", job.port, "Leave port=0, or run the service yourself.")


def _archive_and_entry(job: TitanJob) -> tuple[str, str]:
    """Return the archive's base name and the path in it: "out/etl.zip/jobs/load.py" gives etl.zip, jobs/load.py."""
    archive, separator, entry = job.filename.replace("\\", "/").partition(".zip/")
    if separator and archive and entry:
        return f"{os.path.basename(archive)}.zip", entry
    raise InvalidInput(
        subject=f"job {job.id!r}",
        expected="with is_archive=True a filename such as 'project.zip/folder/main.py'",
        found=f"filename={job.filename!r}",
        next_step="Correct it. Nothing was submitted.",
    )


def _later(job: TitanJob, argument: str, value: object, instead: str) -> NotSupported:
    return NotSupported(
        subject=f"job {job.id!r}",
        expected=f"no {argument}, which this version of Titan does not do yet",
        found=f"{argument}={value!r}",
        next_step=f"{instead} Nothing was submitted.",
    )


def _argument_list(job: TitanJob) -> list[str]:
    if not isinstance(job.args, str):
        return [str(argument) for argument in job.args]
    if not _NEEDS_SHELL_RULES(job.args):
        return [word for word in re.split(r"[ \t\r\n]+", job.args) if word]
    import shlex  # 5 ms, and only quotes need it

    try:
        return shlex.split(job.args)
    except ValueError as cause:
        raise InvalidInput(
            subject=f"job {job.id!r}",
            expected="args as a list, or as a string quoted for a shell",
            found=f"args={job.args!r} ({cause})",
            next_step="Pass a list, such as args=['--title', \"it's\"]. Nothing was submitted.",
        ) from cause


def _affinity(job: TitanJob) -> str:
    try:
        return _AFFINITY_ON_THE_WIRE[job.affinity]
    except (KeyError, TypeError):
        raise InvalidInput(
            subject=f"job {job.id!r}",
            expected="affinity as False, True or 'required'",
            found=f"affinity={job.affinity!r}",
            next_step="Correct it. Nothing was submitted.",
        ) from None
