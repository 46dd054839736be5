"""Scripts and options become one DAG, as POST /api/dags takes it."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from titan.cli.commands.submit import JobOptions, Script, build_dag, default_dag_name, parse_edges, read_scripts
from titan.cli.exit_codes import CommandFailed, ExitCode
from titan.wire.work import NewJobBody, SubmitBody

HELLO = b"print('hello')\n"


def a_script(job_name: str, content: bytes = HELLO) -> Script:
    return Script(job_name=job_name, filename=f"{job_name}.py", content=content)


def as_the_server_reads(dag: dict[str, object]) -> SubmitBody:
    return msgspec.convert(dag, SubmitBody)


def test_a_script_without_settings_leaves_everything_to_the_server() -> None:
    dag = build_dag("hello", [a_script("hello")], JobOptions(), [])

    digest = hashlib.sha256(HELLO).hexdigest()
    assert as_the_server_reads(dag) == SubmitBody(
        name="hello",
        scripts={digest: HELLO},
        jobs=[NewJobBody(id="hello", filename="hello.py", script=digest)],
    )


def test_every_setting_reaches_its_job() -> None:
    options = JobOptions(
        after=["train=extract"],
        requires=["train=GPU"],
        priority=["2"],
        retries=["1"],
        backoff=["500ms"],
        timeout=["1m"],
        delay=["1.5"],
        ask=["train=Go on?"],
        ask_within=["1h"],
        concurrency_key=["gpu"],
        concurrency_limit=["2"],
        cold=True,
        env=["MODE=fast"],
    )

    dag = build_dag("nightly", [a_script("train")], options, ["--epochs", "3"])

    assert as_the_server_reads(dag).jobs == [
        NewJobBody(
            id="train",
            filename="train.py",
            script=hashlib.sha256(HELLO).hexdigest(),
            args=["--epochs", "3"],
            parents=["extract"],
            requirement="GPU",
            priority=2,
            retries=1,
            backoff_seconds=0.5,
            timeout_seconds=60.0,
            delay_ms=1500,
            hitl_message="Go on?",
            max_wait_seconds=3600.0,
            concurrency_key="gpu",
            concurrency_limit=2,
            env={"MODE": "fast"},
            cold=True,
        )
    ]


def test_equal_scripts_travel_once() -> None:
    dag = build_dag("two", [a_script("one"), a_script("other")], JobOptions(), [])

    assert list(as_the_server_reads(dag).scripts.values()) == [HELLO]


def test_a_job_is_named_for_its_file_or_by_hand(tmp_path: Path) -> None:
    (tmp_path / "extract.v2.py").write_bytes(HELLO)
    (tmp_path / "run.sh").write_bytes(b"echo hi\n")

    scripts = read_scripts([f"{tmp_path}/extract.v2.py", f"load={tmp_path}/run.sh"])

    assert [(script.job_name, script.filename) for script in scripts] == [
        ("extract.v2", "extract.v2.py"),
        ("load", "run.sh"),
    ]


def test_a_file_with_an_equals_sign_in_its_own_name_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a=b.py"
    path.write_bytes(HELLO)

    with pytest.raises(CommandFailed, match=r"found 'a=b'\. Name the job yourself: NAME="):
        read_scripts([str(path)])
    [script] = read_scripts([f"job={path}"])

    assert script == Script(job_name="job", filename="a=b.py", content=HELLO)


def test_two_scripts_of_one_name_are_refused_with_the_way_out(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "run.py").write_bytes(HELLO)

    with pytest.raises(CommandFailed, match=r"found two scripts named 'run'\. Name one of them: titan submit other="):
        read_scripts([f"{tmp_path}/a/run.py", f"{tmp_path}/b/run.py"])


@pytest.mark.parametrize(("text", "found"), [("none.py", "No such file"), (".", "Is a directory"), ("a\0b.py", "null")])
def test_a_script_that_cannot_be_read_is_a_usage_error(text: str, found: str) -> None:
    with pytest.raises(CommandFailed, match=found) as refused:
        read_scripts([f"job={text}"])

    assert refused.value.exit_code is ExitCode.USAGE


def test_edges_collect_the_parents_of_each_job_once() -> None:
    edges = parse_edges(["sum=a,b", "sum= b , c", "b=a"], ["a", "b", "c", "sum"])

    assert edges == {"sum": ["a", "b", "c"], "b": ["a"]}


def test_a_chain_runs_jobs_in_the_order_given_and_takes_more_edges() -> None:
    assert parse_edges(["c=a"], ["a", "b", "c"], is_chain=True) == {"b": ["a"], "c": ["b", "a"]}


def test_a_parent_of_an_earlier_stage_is_left_to_the_server() -> None:
    assert parse_edges(["train=plan"], ["train"]) == {"train": ["plan"]}


@pytest.mark.parametrize("text", ["train", "train=", "=extract", "train=a,,b", ""])
def test_an_edge_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match=r"expected JOB=PARENT\[,PARENT\]"):
        parse_edges([text], ["train"])


def test_an_edge_to_a_job_that_is_not_submitted_is_refused() -> None:
    with pytest.raises(CommandFailed, match=r"expected a job of this submission \(train\); found 'report'"):
        parse_edges(["report=train"], ["train"])


@pytest.mark.parametrize(
    ("job_names", "dag_name"),
    [
        (["hello"], "hello"),
        (["extract", "train", "report"], "extract-train-report"),
        (["a", "b", "c", "d"], "a-and-3-more"),
        (["x" * 150, "y" * 150], "x" * 150 + "-" + "y" * 49),
    ],
)
def test_a_dag_is_named_for_its_jobs(job_names: list[str], dag_name: str) -> None:
    assert default_dag_name(job_names) == dag_name
