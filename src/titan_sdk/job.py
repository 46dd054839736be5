"""One job as its author writes it: what to run, after what, where, and how often to try again."""

from __future__ import annotations

import os
import re
import sys

from titan_sdk.errors import InvalidInput, NotSupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal, TypeAlias

    from titan_sdk.wire import JobItem

    Affinity: TypeAlias = bool | Literal["required"]

REMOTE_ASSET = "REMOTE_ASSET"  # the original's payload of a job whose code lies in an archive
_SERVICE_TYPES = ("SERVICE", "DEPLOY_PAYLOAD")
_AFFINITY_ON_THE_WIRE: Mapping[object, str] = {False: "none", True: "soft", "required": "required"}
_NEEDS_SHELL_RULES = re.compile(r"[\"'\\]").search


class TitanJob:
    """A script to run once its parents are done.

    The file is read now, so it may be deleted afterwards. It is looked for in the working directory, then in
    the folder of the running script; only its base name and its content travel.

        extract = TitanJob("extract", "etl/extract.py", args=["--day", "2024-05-01"])
        train = TitanJob("train", "ml/train.py", parents=["extract"], requirement="GPU", retries=2, backoff=3)

    Args:
        job_id: the job's name, unique in its DAG.
        filename: path of the script; `.py` runs in Titan's Python, `.sh` with bash.
        job_type: RUN_PAYLOAD, or any other word for a one-off run. SERVICE and DEPLOY_PAYLOAD come later.
        args: a list, or one shell-quoted string.
        parents: names of jobs that must be COMPLETED first.
        port, is_archive, hitl_message, max_wait_seconds: of the original; refused when the job is submitted.
        priority: higher goes first.
        delay: milliseconds from the moment that all parents are done.
        affinity: True prefers the worker that ran the first parent to finish, "required" insists on it.
        requirement: what the worker must offer, such as GENERAL or GPU.
        script_content: the script itself, instead of reading `filename`; that then only names it.
        retries: how often a failed attempt is repeated.
        backoff: seconds before the first repetition, doubling with each, at most 3600: 3 waits 3, 6, 12 s.
        timeout: seconds after which an attempt's whole process tree is killed; None for no limit.
        max_lost: how often an attempt that was lost (its worker or machine gone) is repeated.
        env: environment variables of the job, on top of its worker's.
        cold: start a fresh interpreter instead of forking a warm one.

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
        max_wait_seconds: int = 172_800,
        *,
        script_content: str | bytes | None = None,
        retries: int = 0,
        backoff: float = 0.0,
        timeout: float | None = None,
        max_lost: int = 3,
        env: Mapping[str, str] | None = None,
        cold: bool = False,
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


def wire_item(job: TitanJob, *, script_digest: str) -> JobItem:
    """Return the job as the server reads it.

    Raises:
        NotSupported: it uses an argument that this version of Titan does not serve yet.
        InvalidInput: its arguments cannot be read.
    """
    _refuse_what_comes_later(job)
    item: JobItem = {
        "id": job.id,
        "filename": os.path.basename(job.filename),
        "script": script_digest,
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
        "env": job.env,
        "cold": job.cold,
    }
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
    for path in (filename, os.path.join(_running_scripts_folder(), filename)):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read()
    # The original's words: scripts look for them.
    raise FileNotFoundError(f"❌ File '{filename}' not found. Please provide the correct absolute path.")


def _running_scripts_folder() -> str:
    """Return the folder of the program that runs: a job that starts itself again finds its own file there."""
    running = getattr(sys.modules.get("__main__"), "__file__", None) or sys.argv[0]
    return os.path.dirname(os.path.abspath(running))


def _refuse_what_comes_later(job: TitanJob) -> None:
    if job.hitl_message:
        raise _later(job, "hitl_message", job.hitl_message, "Ask for approval outside of Titan and submit then.")
    if job.job_type in _SERVICE_TYPES:
        raise _later(job, "job_type", job.job_type, "Use job_type='RUN_PAYLOAD', or run the service yourself.")
    if job.port != 0:
        raise _later(job, "port", job.port, "Leave port=0, or run the service yourself.")
    if job.is_archive:
        raise _later(job, "is_archive", True, "Submit the script itself, and its files with upload_file.")


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
