"""`titan submit` and `titan run`: scripts become jobs, several scripts one DAG."""

import base64
import hashlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from titan.cli import lookup
from titan.cli.arguments import (
    parse_arguments,
    parse_environment,
    parse_per_job,
    parse_seconds,
    parse_text,
    parse_whole_number,
    require_job,
)
from titan.cli.evaluations import workflow_path
from titan.cli.exit_codes import usage_error
from titan.cli.following import check_watching, outcome_code, watch_dag
from titan.cli.options import EVERYDAY, Answer, Follow, Wait, argument, asks, option
from titan.cli.server import Document, Server, read
from titan.cli.terminal import remark, say
from titan.cli.views.formats import count, plain
from titan.cli.views.jobs import jobs_of
from titan.model.dags import OnFailure
from titan.rules.names import MAX_NAME, NAME
from titan.wire.evaluations import AgentRunDetailView
from titan.wire.work import DagView, Submitted

everyday = typer.Typer()

_BY_SIGNAL: Final = 128  # a shell adds the signal's number
GRADED_WAIT_SECONDS: Final = 20

_Texts: TypeAlias = list[str] | None

Scripts = Annotated[
    list[str],
    argument(
        "SCRIPT",
        "A file to run; its job is named for it (extract.py becomes extract), or as in NAME=FILE.",
        lookup.files,
    ),
]
Name = Annotated[str | None, option("--name NAME", "The DAG's name. Default: made of the jobs' names.")]
Run = Annotated[
    str | None,
    option("--run RUN", "Make the DAG a stage of this agent run.", lookup.run_ids, envvar="TITAN_AGENT_RUN_ID"),
]
Agent = Annotated[
    str | None,
    option("--agent AGENT", "The run's agent. Default: RUN without its last _ or - part.", envvar="TITAN_AGENT_ID"),
]
IdempotencyKey = Annotated[
    str | None, option("--idempotency-key KEY", "A second submission of this key means the first.")
]
Env = Annotated[_Texts, option("--env -e KEY=VALUE", "Set this in the jobs' environment.")]
Failure = Annotated[
    OnFailure, option("--on-failure", "When a job fails: go on with what does not depend on it, or start nothing more.")
]
OneScript = Annotated[str, argument("SCRIPT", "The file to run; its job is named for it.", lookup.files)]
Arguments = Annotated[_Texts, argument("ARGUMENT", "Everything after SCRIPT is passed to the script.")]
OneLabel = Annotated[str | None, option("--requires LABEL", "The label a worker must offer. Default: GENERAL.")]


#: Options that may be said for each job → its field on the wire, and what reads a value.
_PER_JOB: Final[Mapping[str, tuple[str, Callable[[str, str], Any]]]] = {
    "requires": ("requirement", parse_text),
    "priority": ("priority", parse_whole_number),
    "retries": ("retries", parse_whole_number),
    "backoff": ("backoff_seconds", parse_seconds),
    "timeout": ("timeout_seconds", parse_seconds),
    "delay": ("delay_ms", lambda option, text: round(1000 * parse_seconds(option, text))),
    "ask": ("hitl_message", parse_text),
    "ask_within": ("max_wait_seconds", parse_seconds),
    "concurrency_key": ("concurrency_key", parse_text),
    "concurrency_limit": ("concurrency_limit", parse_whole_number),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """The options that describe the jobs of a submission."""

    arg: Annotated[
        _Texts, option("--arg TEXT", "An argument of the script; JOB=TEXT of one of several. Or: all after --.")
    ] = None
    after: Annotated[
        _Texts, option("--after JOB=PARENT,…", "Start JOB when these have completed. May be repeated.")
    ] = None
    chain: Annotated[bool, option("--chain", "Run the scripts one after the other, as given.")] = False
    requires: Annotated[
        _Texts, option("--requires [JOB=]LABEL", "The label a worker must offer. Default: GENERAL.")
    ] = None
    priority: Annotated[_Texts, option("--priority [JOB=]N", "Higher goes first. Default: 1.")] = None
    retries: Annotated[_Texts, option("--retries [JOB=]N", "Repeat a failed attempt up to N times. Default: 0.")] = None
    backoff: Annotated[
        _Texts, option("--backoff [JOB=]TIME", "Wait before the first retry, doubled each time. Default: 0.")
    ] = None
    timeout: Annotated[
        _Texts, option("--timeout [JOB=]TIME", "End an attempt after this: 90, 90s, 5m, 2h. Default: never.")
    ] = None
    delay: Annotated[_Texts, option("--delay [JOB=]TIME", "Wait so long once the parents are done. Default: 0.")] = None
    ask: Annotated[
        _Texts, option("--ask [JOB=]TEXT", "Ask a person this behind JOB; what waits for it waits for the answer.")
    ] = None
    ask_within: Annotated[
        _Texts, option("--ask-within [JOB=]TIME", "How long an answer is waited for. Default: two days.")
    ] = None
    concurrency_key: Annotated[
        _Texts,
        option("--concurrency-key [JOB=]KEY", "Jobs with one key share their places, one if nothing else is said."),
    ] = None
    concurrency_limit: Annotated[
        _Texts, option("--concurrency-limit [JOB=]N", "How many jobs with the key run at a time. Default: 1.")
    ] = None
    cold: Annotated[bool, option("--cold", "Start each job in a fresh interpreter instead of a forked warm one.")] = (
        False
    )
    env: Env = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldOptions:
    """The simulated world that scripts run in."""

    world: Annotated[
        str | None,
        option("--world WORKFLOW", "Run in this workflow's world: it answers the calls of its tools. Needs --task."),
    ] = None
    task: Annotated[str | None, option("--task TASK", "The task of --world: its state, failures and scorers.")] = None

    def body(self, agent: str | None) -> dict[str, object]:
        """Return the fields of POST /api/dags that name the world.

        Raises:
            CommandFailed: one of the two was left out.
        """
        if (self.world is None) is not (self.task is None):
            given, missing = ("--world", "--task") if self.task is None else ("--task", "--world")
            raise usage_error(given, f"{missing} beside it", "none", "titan eval show WORKFLOW lists the tasks.")
        if self.world is None:
            return {}
        return {"world": {"workflow": self.world, "task": self.task, "agent": agent}}

    def graded(self, titan: Server, run_id: str) -> AgentRunDetailView:
        """Wait for the agent run's end and return it."""
        path = (*workflow_path(titan, self.world or ""), "tasks", self.task or "", "agent-runs", run_id)
        while True:
            answer = titan.get(*path, wait_seconds=GRADED_WAIT_SECONDS)
            run = read(answer, AgentRunDetailView)
            if run.ended_at is not None:
                return run


@asks(
    everyday,
    "titan submit hello.py --follow",
    "titan submit train.py --requires GPU --retries 2 --timeout 2h -- --epochs 3",
    "titan submit extract.py train.py report.py --chain --wait",
    "titan submit a.py b.py sum.py --after sum=a,b --priority sum=9",
    'titan submit draft.py send.py --chain --ask draft="Send it?"',
    "titan submit fetch=jobs/run.py load=etl/run.py --after load=fetch --name nightly",
    panel=EVERYDAY,
)
def submit(
    titan: Server,
    context: typer.Context,
    scripts: Scripts,
    *,
    options: JobOptions,
    inside: WorldOptions,
    name: Name = None,
    run: Run = None,
    agent: Agent = None,
    idempotency_key: IdempotencyKey = None,
    on_failure: Failure = OnFailure.CONTINUE,
    wait: Wait = False,
    follow: Follow = False,
    as_json: bool = False,
) -> Answer:
    """Submit a script, or several as one DAG.

    Each script becomes a job. A setting given as JOB=VALUE counts for that job only, a plain VALUE for all.
    """
    check_watching(as_json=as_json, follow=follow)
    read_files = read_scripts(scripts)
    names = [script.job_name for script in read_files]
    body = build_dag(name or default_dag_name(names), read_files, options, context.obj or [])
    group: dict[str, object] = {"agent_run_id": run or None, "agent_id": agent or None, "on_failure": on_failure}
    group |= inside.body(agent or None)
    answer = titan.post("api", "dags", body={**body, **group, "idempotency_key": idempotency_key})
    if wait or follow:
        code = outcome_code(_watched(titan, answer, as_json=as_json, follow=follow))
        raise typer.Exit(_code_in_world(titan, inside, read(answer, Submitted), code, as_json=as_json))
    return Answer(answer, lambda: _show_submitted(read(answer, Submitted), names))


@asks(
    everyday,
    "titan run hello.py",
    "titan run --requires GPU --env SEED=7 train.py --epochs 3",
    "titan run --world orders --task cancel-1 shop_agent.py",
    panel=EVERYDAY,
    context_settings={"allow_interspersed_args": False},
)
def run(
    titan: Server,
    script: OneScript,
    arguments: Arguments = None,
    *,
    inside: WorldOptions,
    requires: OneLabel = None,
    env: Env = None,
    as_json: bool = False,
) -> None:
    """Run a script on a worker: its output, its exit code.

    Put options before SCRIPT. Ctrl-C stops waiting; the job continues. With --world the script's tools are simulated
    and its run is graded: a script that ends well and fails the task ends with 1.
    """
    read_files = read_scripts([script])
    words = (arguments or [])[1:] if (arguments or [])[:1] == ["--"] else _without_world(arguments or [], script)
    options = JobOptions(requires=[requires] if requires else None, env=env)
    body = build_dag(default_dag_name([read_files[0].job_name]), read_files, options, words)
    answer = titan.post("api", "dags", body={**body, **inside.body(None)})
    code = _exit_code_of_script(_watched(titan, answer, as_json=as_json, follow=not as_json))
    raise typer.Exit(_code_in_world(titan, inside, read(answer, Submitted), code, as_json=as_json))


def _without_world(arguments: list[str], script: str) -> list[str]:
    """Return the arguments of a script, of which none is `--world`: it would run outside of the world, unnoticed."""
    if any(one == "--world" or one.startswith("--world=") for one in arguments):
        shown = plain(script)
        raise usage_error(
            "--world",
            f"it before the script: titan run --world WORKFLOW --task TASK {shown}",
            f"it behind {shown}",
            f"If it is an option of the script itself: titan run {shown} -- --world …",
        )
    return arguments


def submitted_once_more(answer: Document) -> Answer:
    """Return the answer of `titan rerun`."""
    submitted = read(answer, Submitted)

    def show() -> None:
        say(_sentence(submitted))
        say(f"Follow its progress:  titan dags show {submitted.dag_id} --wait")

    return Answer(answer, show)


def _watched(titan: Server, answer: Document, *, as_json: bool, follow: bool) -> DagView:
    submitted = read(answer, Submitted)
    if not as_json:
        remark(_sentence(submitted))
    return watch_dag(titan, submitted.dag_id, as_json=as_json, follow=follow)


def _code_in_world(titan: Server, inside: WorldOptions, submitted: Submitted, code: int, *, as_json: bool) -> int:
    """Return the exit code; in a world, wait for the grade and return 1 if the run did not pass."""
    if inside.world is None or submitted.agent_run_id is None:
        return code
    run = inside.graded(titan, submitted.agent_run_id)
    if not as_json:
        sources = ", ".join(f"{number} {source}" for source, number in sorted(run.sources.items())) or "none"
        detail = f": {run.failure_detail or run.failure_mode}" if run.failure_detail or run.failure_mode else ""
        remark(f"{run.card_verdict}{detail}")
        remark(f"Run {run.run_id}, tool calls: {sources}")
        remark(f"See them:  titan eval show {inside.world} --task {inside.task}")
    return code or (0 if run.card_verdict in ("PASS", "NOT APPLICABLE") else 1)


def _exit_code_of_script(dag: DagView) -> int:
    job = jobs_of(dag)[0]
    if job.signal is not None:
        return _BY_SIGNAL + job.signal
    return job.exit_code or outcome_code(dag)


def _show_submitted(submitted: Submitted, job_names: list[str]) -> None:
    say(_sentence(submitted))
    dag, last_job = shlex.quote(submitted.name), shlex.quote(job_names[-1])
    say(f"Follow its progress:  titan dags show {dag} --wait")
    say(f"See what it writes:  titan logs {last_job} --dag {dag} --follow")


def _sentence(submitted: Submitted) -> str:
    what = "was submitted before" if submitted.from_record else "submitted"
    return f"DAG {submitted.name} {what}: {count(submitted.job_count, 'job')} (id {submitted.dag_id})"


# --- the body of a submission ---

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


def read_scripts(texts: Sequence[str]) -> list[Script]:
    """Read each `PATH` (its job is named for the file, without extension) or `NAME=PATH`."""
    scripts: dict[str, Script] = {}
    for text in texts:
        script = _read_script(text)
        if script.job_name in scripts:
            found, next_step = f"two scripts named {script.job_name!r}", f"Name one of them: titan submit other={text}"
            raise usage_error(f"job {script.job_name!r}", "a name of its own for every script", found, next_step)
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
            next_step = "`--after train=extract` runs train after extract."
            raise usage_error(f"--after {text!r}", "JOB=PARENT[,PARENT]", repr(text), next_step)
        require_job(f"--after {text!r}", child, job_names)
        known = parents.setdefault(child, [])
        known.extend(name for name in dict.fromkeys(names) if name not in known)
    return parents


def default_dag_name(job_names: Sequence[str]) -> str:
    """Return `extract`, `extract-train-report`, or from four jobs on `extract-and-3-more`."""
    if len(job_names) <= _JOINED_NAMES:
        return "-".join(job_names)[:MAX_NAME].rstrip()
    return f"{job_names[0]}-and-{len(job_names) - 1}-more"[:MAX_NAME]


def build_dag(name: str, scripts: Sequence[Script], options: JobOptions, tail: Sequence[str]) -> dict[str, object]:
    """Return the body of POST /api/dags; `tail` are the words after `--`. Equal contents are sent once."""
    names = [script.job_name for script in scripts]
    arguments = parse_arguments(options.arg or [], tail, names)
    parents = parse_edges(options.after or [], names, is_chain=options.chain)
    environment = parse_environment(options.env or [])
    chosen = {
        wire_field: parse_per_job(f"--{said.replace('_', '-')}", getattr(options, said) or [], names, parse)
        for said, (wire_field, parse) in _PER_JOB.items()
    }
    jobs = [
        {
            "id": script.job_name,
            "filename": script.filename,
            "script": script.digest,
            "args": arguments.get(script.job_name, []),
            "parents": parents.get(script.job_name, []),
            "env": environment,
            "cold": options.cold,
            **{field: values[script.job_name] for field, values in chosen.items() if script.job_name in values},
        }
        for script in scripts
    ]
    contents = {script.digest: base64.b64encode(script.content).decode("ascii") for script in scripts}
    return {"name": name, "scripts": contents, "jobs": jobs}


def _read_script(text: str) -> Script:
    name, separator, path_text = text.partition("=")
    if not separator or Path(text).exists():  # a file whose own name holds a "="
        name, path_text = "", text
    path = Path(path_text)
    try:
        content = path.read_bytes()
    except OSError as error:
        found, next_step = error.strerror or str(error), "Give a path from this folder, or NAME=PATH to name the job."
        raise usage_error(f"script {text!r}", "a file that can be read", found, next_step) from error
    except ValueError as error:  # a NUL in the path
        raise usage_error(f"script {text!r}", "a path", str(error)) from error
    return Script(job_name=name or _name_of_file(path_text), filename=path.name, content=content)


def _name_of_file(path_text: str) -> str:
    name = Path(path_text).stem
    if NAME.fullmatch(name):
        return name
    expected = "a file name that can name a job (ASCII letters, digits, inner blanks or _ . : @ + -)"
    raise usage_error(f"script {path_text!r}", expected, repr(name), f"Name the job yourself: NAME={path_text}")
