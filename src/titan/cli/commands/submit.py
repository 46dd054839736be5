"""`titan submit` and `titan run`: scripts become jobs, several scripts one DAG."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import typer

from titan.cli import completion
from titan.cli.arguments import (
    PerJob,
    parse_arguments,
    parse_environment,
    parse_per_job,
    parse_seconds,
    parse_text,
    parse_whole_number,
)
from titan.cli.following import check_watching, outcome_code, watch_dag
from titan.cli.formats import count
from titan.cli.options import EVERYDAY, Answer, Follow, Wait, asks
from titan.cli.screen import remark, say
from titan.cli.server import Document, Server, read
from titan.cli.submission import (
    JobSettings,
    build_dag,
    default_dag_name,
    parse_edges,
    read_scripts,
)
from titan.cli.views import jobs_of
from titan.model.dags import OnFailure
from titan.wire.work import DagView, Submitted

everyday = typer.Typer()

_BY_SIGNAL: Final = 128  # a shell adds the signal's number

_Texts: TypeAlias = list[str] | None

Scripts: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="SCRIPT",
        help="A file to run; its job is named for it (extract.py becomes extract), or as in NAME=FILE.",
        autocompletion=completion.files,
    ),
]
Name: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="The DAG's name. Default: made of the jobs' names.")
]
Run: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="RUN",
        envvar="TITAN_AGENT_RUN_ID",
        help="Make the DAG a stage of this agent run.",
        autocompletion=completion.run_ids,
    ),
]
Agent: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="AGENT", envvar="TITAN_AGENT_ID", help="The run's agent. Default: RUN without its last _ or - part."
    ),
]
IdempotencyKey: TypeAlias = Annotated[
    str | None, typer.Option(metavar="KEY", help="A second submission of this key means the first.")
]
Env: TypeAlias = Annotated[
    _Texts, typer.Option("--env", "-e", metavar="KEY=VALUE", help="Set this in the jobs' environment.")
]
Failure: TypeAlias = Annotated[
    OnFailure, typer.Option(help="When a job fails: go on with what does not depend on it, or start nothing more.")
]
Script: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="SCRIPT", help="The file to run; its job is named for it.", autocompletion=completion.files),
]
Arguments: TypeAlias = Annotated[
    _Texts,
    typer.Argument(metavar="ARGUMENT", help="All that stands behind SCRIPT is the script's.", show_default=False),
]
OneLabel: TypeAlias = Annotated[
    str | None, typer.Option("--requires", metavar="LABEL", help="The label a worker must offer. Default: GENERAL.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """What is said about the jobs of a submission."""

    arg: Annotated[
        _Texts,
        typer.Option(
            "--arg", metavar="TEXT", help="An argument of the script; JOB=TEXT of one of several. Or: all after --."
        ),
    ] = None
    after: Annotated[
        _Texts, typer.Option(metavar="JOB=PARENT,…", help="Start JOB when these have completed. May be repeated.")
    ] = None
    chain: Annotated[bool, typer.Option("--chain", help="Run the scripts one after the other, as given.")] = False
    requires: Annotated[
        _Texts, typer.Option(metavar="[JOB=]LABEL", help="The label a worker must offer. Default: GENERAL.")
    ] = None
    priority: Annotated[_Texts, typer.Option(metavar="[JOB=]N", help="Higher goes first. Default: 1.")] = None
    retries: Annotated[
        _Texts, typer.Option(metavar="[JOB=]N", help="Repeat a failed attempt up to N times. Default: 0.")
    ] = None
    backoff: Annotated[
        _Texts, typer.Option(metavar="[JOB=]TIME", help="Wait before the first retry, doubled each time. Default: 0.")
    ] = None
    timeout: Annotated[
        _Texts, typer.Option(metavar="[JOB=]TIME", help="End an attempt after this: 90, 90s, 5m, 2h. Default: never.")
    ] = None
    delay: Annotated[
        _Texts, typer.Option(metavar="[JOB=]TIME", help="Wait so long once the parents are done. Default: 0.")
    ] = None
    ask: Annotated[
        _Texts,
        typer.Option(
            metavar="[JOB=]TEXT", help="Ask a person this behind JOB; what waits for it waits for the answer."
        ),
    ] = None
    ask_within: Annotated[
        _Texts, typer.Option(metavar="[JOB=]TIME", help="How long an answer is waited for. Default: two days.")
    ] = None
    concurrency_key: Annotated[
        _Texts,
        typer.Option(metavar="[JOB=]KEY", help="Jobs with one key share their places, one if nothing else is said."),
    ] = None
    concurrency_limit: Annotated[
        _Texts, typer.Option(metavar="[JOB=]N", help="How many jobs with the key run at a time. Default: 1.")
    ] = None
    cold: Annotated[
        bool, typer.Option("--cold", help="Start each job in a fresh interpreter instead of a forked warm one.")
    ] = False
    env: Env = None

    def settings(self, names: Sequence[str], tail: Sequence[str]) -> JobSettings:
        """Return the options as settings of the jobs of these names; `tail` is what stands after `--`.

        Raises:
            CommandFailed: an option says what makes no sense.
        """
        return JobSettings(
            arguments=parse_arguments(self.arg or [], tail, names),
            parents=parse_edges(self.after or [], names, is_chain=self.chain),
            requirement=parse_per_job("--requires", self.requires or [], names, parse_text),
            priority=parse_per_job("--priority", self.priority or [], names, parse_whole_number),
            retries=parse_per_job("--retries", self.retries or [], names, parse_whole_number),
            backoff_seconds=parse_per_job("--backoff", self.backoff or [], names, parse_seconds),
            timeout_seconds=parse_per_job("--timeout", self.timeout or [], names, parse_seconds),
            delay_seconds=parse_per_job("--delay", self.delay or [], names, parse_seconds),
            question=parse_per_job("--ask", self.ask or [], names, parse_text),
            max_wait_seconds=parse_per_job("--ask-within", self.ask_within or [], names, parse_seconds),
            concurrency_key=parse_per_job("--concurrency-key", self.concurrency_key or [], names, parse_text),
            concurrency_limit=parse_per_job(
                "--concurrency-limit", self.concurrency_limit or [], names, parse_whole_number
            ),
            environment=parse_environment(self.env or []),
            is_cold=self.cold,
        )


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
    settings = options.settings(names, context.obj or [])
    body = build_dag(name or default_dag_name(names), read_files, settings)
    group = {"agent_run_id": run or None, "agent_id": agent or None, "on_failure": on_failure}
    answer = titan.post("api", "dags", body={**body, **group, "idempotency_key": idempotency_key})
    if wait or follow:
        raise typer.Exit(outcome_code(_watched(titan, answer, as_json=as_json, follow=follow)))
    return Answer(answer, lambda: _show_submitted(read(answer, Submitted), names))


@asks(
    everyday,
    "titan run hello.py",
    "titan run --requires GPU --env SEED=7 train.py --epochs 3",
    panel=EVERYDAY,
    context_settings={"allow_interspersed_args": False},
)
def run(
    titan: Server,
    script: Script,
    arguments: Arguments = None,
    *,
    requires: OneLabel = None,
    env: Env = None,
    as_json: bool = False,
) -> None:
    """Run a script on a worker: its output, its exit code.

    Options stand before SCRIPT. Ctrl-C ends the waiting, not the job.
    """
    read_files = read_scripts([script])
    name = read_files[0].job_name
    words = (arguments or [])[1:] if (arguments or [])[:1] == ["--"] else arguments or []
    settings = JobSettings(
        arguments={name: words}, requirement=PerJob(for_all=requires), environment=parse_environment(env or [])
    )
    answer = titan.post("api", "dags", body=build_dag(default_dag_name([name]), read_files, settings))
    raise typer.Exit(_exit_code_of_script(_watched(titan, answer, as_json=as_json, follow=not as_json)))


def submitted_once_more(answer: Document) -> Answer:
    """Return what is said of a job or a DAG that was submitted again."""
    submitted = read(answer, Submitted)

    def show() -> None:
        say(_sentence(submitted))
        say(f"See how it goes on:  titan dags show {submitted.dag_id} --wait")

    return Answer(answer, show)


def _watched(titan: Server, answer: Document, *, as_json: bool, follow: bool) -> DagView:
    submitted = read(answer, Submitted)
    if not as_json:
        remark(_sentence(submitted))
    return watch_dag(titan, submitted.dag_id, as_json=as_json, follow=follow)


def _exit_code_of_script(dag: DagView) -> int:
    job = jobs_of(dag)[0]
    if job.signal is not None:
        return _BY_SIGNAL + job.signal
    return job.exit_code or outcome_code(dag)


def _show_submitted(submitted: Submitted, job_names: list[str]) -> None:
    say(_sentence(submitted))
    dag, last_job = shlex.quote(submitted.name), shlex.quote(job_names[-1])
    say(f"See how it goes on:  titan dags show {dag} --wait")
    say(f"See what it writes:  titan logs {last_job} --dag {dag} --follow")


def _sentence(submitted: Submitted) -> str:
    what = "was submitted before" if submitted.from_record else "submitted"
    return f"DAG {submitted.name} {what}: {count(submitted.job_count, 'job')} (id {submitted.dag_id})"
