"""`titan submit`: scripts become jobs, several scripts one DAG."""

import shlex
from typing import Annotated, Never, TypeAlias

import typer

from titan.cli import completion
from titan.cli.answers import Document, Submitted, read
from titan.cli.arguments import (
    parse_arguments,
    parse_environment,
    parse_per_job,
    parse_seconds,
    parse_text,
    parse_whole_number,
)
from titan.cli.formats import count
from titan.cli.options import JsonOption, ServerOption, examples
from titan.cli.screen import remark, say, show_json
from titan.cli.server import Server, connect
from titan.cli.submission import (
    JobSettings,
    build_dag,
    default_dag_name,
    parse_edges,
    read_scripts,
)
from titan.cli.waiting import check_watching, watch_dag
from titan.model.dags import OnFailure

app = typer.Typer()

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
After: TypeAlias = Annotated[
    _Texts,
    typer.Option(metavar="JOB=PARENT,…", help="Start JOB when these have completed. May be repeated."),
]
Chain: TypeAlias = Annotated[bool, typer.Option("--chain", help="Run the scripts one after the other, as given.")]
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
Argument: TypeAlias = Annotated[
    _Texts,
    typer.Option(
        "--arg",
        metavar="TEXT",
        help="An argument of the script; JOB=TEXT of one of several. Or: all after --.",
    ),
]
Requires: TypeAlias = Annotated[
    _Texts, typer.Option(metavar="[JOB=]LABEL", help="The label a worker must offer. Default: GENERAL.")
]
Priority: TypeAlias = Annotated[_Texts, typer.Option(metavar="[JOB=]N", help="Higher goes first. Default: 1.")]
Retries: TypeAlias = Annotated[
    _Texts, typer.Option(metavar="[JOB=]N", help="Repeat a failed attempt up to N times. Default: 0.")
]
Backoff: TypeAlias = Annotated[
    _Texts,
    typer.Option(metavar="[JOB=]TIME", help="Wait before the first retry, doubled each time. Default: 0."),
]
Timeout: TypeAlias = Annotated[
    _Texts,
    typer.Option(metavar="[JOB=]TIME", help="End an attempt after this: 90, 90s, 5m, 2h. Default: never."),
]
Delay: TypeAlias = Annotated[
    _Texts, typer.Option(metavar="[JOB=]TIME", help="Wait so long once the parents are done. Default: 0.")
]
Ask: TypeAlias = Annotated[
    _Texts,
    typer.Option(metavar="[JOB=]TEXT", help="Ask a person this behind JOB; what waits for it waits for the answer."),
]
AskWithin: TypeAlias = Annotated[
    _Texts, typer.Option(metavar="[JOB=]TIME", help="How long an answer is waited for. Default: two days.")
]
ConcurrencyKey: TypeAlias = Annotated[
    _Texts, typer.Option(metavar="[JOB=]KEY", help="Jobs with one key share their places, one if nothing else is said.")
]
ConcurrencyLimit: TypeAlias = Annotated[
    _Texts, typer.Option(metavar="[JOB=]N", help="How many jobs with the key run at a time. Default: 1.")
]
IdempotencyKey: TypeAlias = Annotated[
    str | None, typer.Option(metavar="KEY", help="A second submission of this key means the first.")
]
Env: TypeAlias = Annotated[
    _Texts, typer.Option("--env", "-e", metavar="KEY=VALUE", help="Set this in the jobs' environment.")
]
Cold: TypeAlias = Annotated[
    bool, typer.Option("--cold", help="Start each job in a fresh interpreter instead of a forked warm one.")
]
Failure: TypeAlias = Annotated[
    OnFailure,
    typer.Option(help="When a job fails: go on with what does not depend on it, or start nothing more."),
]
Wait: TypeAlias = Annotated[
    bool,
    typer.Option("--wait", "-w", help="Show progress until the DAG has ended; exit 1 unless all completed."),
]
Follow: TypeAlias = Annotated[
    bool, typer.Option("--follow", "-f", help="As --wait, and write what the jobs write to stdout.")
]


@app.command(
    epilog=examples(
        "titan submit hello.py --follow",
        "titan submit train.py --requires GPU --retries 2 --timeout 2h -- --epochs 3",
        "titan submit extract.py train.py report.py --chain --wait",
        "titan submit a.py b.py sum.py --after sum=a,b --priority sum=9",
        'titan submit draft.py send.py --chain --ask draft="Send it?"',
        "titan submit fetch=jobs/run.py load=etl/run.py --after load=fetch --name nightly",
    )
)
def submit(
    context: typer.Context,
    scripts: Scripts,
    *,
    name: Name = None,
    after: After = None,
    chain: Chain = False,
    run: Run = None,
    agent: Agent = None,
    arg: Argument = None,
    requires: Requires = None,
    priority: Priority = None,
    retries: Retries = None,
    backoff: Backoff = None,
    timeout: Timeout = None,
    delay: Delay = None,
    ask: Ask = None,
    ask_within: AskWithin = None,
    concurrency_key: ConcurrencyKey = None,
    concurrency_limit: ConcurrencyLimit = None,
    idempotency_key: IdempotencyKey = None,
    env: Env = None,
    cold: Cold = False,
    on_failure: Failure = OnFailure.CONTINUE,
    wait: Wait = False,
    follow: Follow = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Submit a script, or several as one DAG.

    Each script becomes a job. A setting given as JOB=VALUE counts for that job only, a plain VALUE for all.
    """
    check_watching(as_json=as_json, follow=follow)
    read_files = read_scripts(scripts)
    names = [script.job_name for script in read_files]
    settings = JobSettings(
        arguments=parse_arguments(arg or [], context.obj or [], names),
        parents=parse_edges(after or [], names, is_chain=chain),
        requirement=parse_per_job("--requires", requires or [], names, parse_text),
        priority=parse_per_job("--priority", priority or [], names, parse_whole_number),
        retries=parse_per_job("--retries", retries or [], names, parse_whole_number),
        backoff_seconds=parse_per_job("--backoff", backoff or [], names, parse_seconds),
        timeout_seconds=parse_per_job("--timeout", timeout or [], names, parse_seconds),
        delay_seconds=parse_per_job("--delay", delay or [], names, parse_seconds),
        question=parse_per_job("--ask", ask or [], names, parse_text),
        max_wait_seconds=parse_per_job("--ask-within", ask_within or [], names, parse_seconds),
        concurrency_key=parse_per_job("--concurrency-key", concurrency_key or [], names, parse_text),
        concurrency_limit=parse_per_job("--concurrency-limit", concurrency_limit or [], names, parse_whole_number),
        environment=parse_environment(env or []),
        is_cold=cold,
    )
    body = build_dag(name or default_dag_name(names), read_files, settings)
    titan = connect(server)
    group = {"agent_run_id": run or None, "agent_id": agent or None, "on_failure": on_failure}
    answer = titan.post("api", "dags", body={**body, **group, "idempotency_key": idempotency_key})
    if wait or follow:
        _watch(titan, read(answer, Submitted), as_json=as_json, follow=follow)
    _show(answer, names, as_json=as_json)


def _show(answer: Document, job_names: list[str], *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
    else:
        _show_submitted(read(answer, Submitted), job_names)


def _show_submitted(submitted: Submitted, job_names: list[str]) -> None:
    say(_sentence(submitted))
    dag, last_job = shlex.quote(submitted.name), shlex.quote(job_names[-1])
    say(f"See how it goes on:  titan dag {dag} --wait")
    say(f"See what it writes:  titan logs {last_job} --dag {dag} --follow")


def _watch(titan: Server, submitted: Submitted, *, as_json: bool, follow: bool) -> Never:
    if not as_json:
        remark(_sentence(submitted))
    raise typer.Exit(watch_dag(titan, submitted.dag_id, as_json=as_json, follow=follow))


def _sentence(submitted: Submitted) -> str:
    what = "was submitted before" if submitted.from_record else "submitted"
    return f"DAG {submitted.name} {what}: {count(submitted.job_count, 'job')} (id {submitted.dag_id})"
