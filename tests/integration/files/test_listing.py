"""What jobs leave is listed by job, DAG and run, and fetched, on a real server and worker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.support.command_line import CommandLine
from tests.support.raw_http import ask, given
from tests.support.running_titan import RunningTitan
from tests.support.running_worker import running_worker
from tests.support.submissions import a_name
from titan_sdk import TitanClient, TitanJob


def a_job(name: str, text: str, **more: Any) -> TitanJob:
    return TitanJob(name, f"{name}.py", script_content=text, **more)


def files_at(port: int, path: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = given(port, path)["files"]
    return listed


def test_a_client_that_waited_for_a_job_sees_its_files(client: TitanClient, port: int) -> None:
    job = a_job("writer", "import os\nos.mkdir('out')\nopen('out/a.txt', 'w').write('hello')")

    client.wait(client.submit_dag(a_name("dag"), [job]), timeout=60)
    (file,) = files_at(port, "/api/jobs/writer/files")

    assert (file["path"], file["size_bytes"], file["job"], file["attempt"]) == ("out/a.txt", 5, "writer", 1)
    assert (file["place"], file["reason"]) == ("workspace", None)
    assert ask(port, "GET", f"/api/blobs/{file['digest']}").body == b"hello"


def test_the_files_of_a_run_are_those_of_its_stages_with_the_newest_writer(client: TitanClient, port: int) -> None:
    run = a_name("RUN")
    first = a_job("first", "open('shared.txt', 'w').write('1')\nopen('mine.txt', 'w').write('1')")
    second = a_job("second", "open('shared.txt', 'a').write('2')")
    plan, work = a_name("plan"), a_name("work")

    client.wait(client.submit_dag(plan, [first], agent_run_id=run), timeout=60)
    client.wait(client.submit_dag(work, [second], agent_run_id=run), timeout=60)

    def writers(path: str) -> dict[str, tuple[str, int]]:
        return {file["path"]: (file["job"], file["size_bytes"]) for file in files_at(port, path)}

    assert writers(f"/api/v1/runs/{run}/files") == {"mine.txt": ("first", 1), "shared.txt": ("second", 2)}
    assert writers(f"/api/dags/{plan}/files") == {"mine.txt": ("first", 1), "shared.txt": ("first", 1)}
    assert writers(f"/api/jobs/second/files?run={run}") == {"shared.txt": ("second", 2)}


def test_uploads_and_artifacts_of_a_job_are_listed_and_stay_its_own(
    client: TitanClient, port: int, titan: CommandLine
) -> None:
    name, dag = a_name("made"), a_name("dag")
    text = (
        "import os\nfrom titan_sdk import TitanClient\njob = os.environ['TITAN_JOB_NAME']\nos.mkdir(job)\n"
        f"open(f'{{job}}/{name}.txt', 'w').write(job)\n"
        "with TitanClient() as client:\n"
        f"    client.publish_artifact(f'{name}:{{job}}', f'{{job}}/{name}.txt')"
    )

    jobs = [a_job("first", text), a_job("second", text, parents=["first"])]
    client.wait(client.submit_dag(dag, jobs), timeout=60)
    artifacts = [file for file in files_at(port, f"/api/dags/{dag}/files") if file["place"] == "artifact"]

    assert [(file["path"], file["job"], file["attempt"]) for file in artifacts] == [
        (f"{name}.txt", "first", 1),
        (f"{name}.txt", "second", 1),
    ]
    contents = [ask(port, "GET", f"/api/blobs/{file['digest']}").body for file in artifacts]
    assert contents == [b"first", b"second"]
    assert titan("files", "first", f"{name}.txt", "--dag", dag, "--output", "-").stdout == b"first"
    assert "uploaded" in titan("files", "--dag", dag).text


def test_each_attempt_has_its_own_list(client: TitanClient, port: int) -> None:
    text = "import os\nn = os.environ['TITAN_ATTEMPT']\nopen(f'try{n}.txt', 'w').write(n)\nraise SystemExit(n == '1')"
    name = a_name("flaky")

    client.wait(client.submit_dag(a_name("dag"), [a_job(name, text, retries=1)]), timeout=60)

    def paths(query: str) -> list[str]:
        return [file["path"] for file in files_at(port, f"/api/jobs/{name}/files{query}")]

    assert paths("") == ["try1.txt", "try2.txt"]
    assert (paths("?attempt=1"), paths("?attempt=2"), paths("?attempt=3")) == (["try1.txt"], ["try2.txt"], [])


def test_the_files_of_another_worker_are_listed_and_fetched_like_local_ones(
    client: TitanClient, running: RunningTitan, titan: CommandLine, tmp_path: Path
) -> None:
    label, run = a_name("far").upper(), a_name("RUN")
    text = "open('out.txt', 'w').write(__import__('os').environ['TITAN_JOB_NAME'])"
    jobs = [a_job("near", text), a_job("far", text, requirement=label)]

    with running_worker(f"http://127.0.0.1:{running.sdk_port}", tmp_path / "far", offers=(f"{label}:1",)):
        client.wait(client.submit_dag(a_name("dag"), jobs, agent_run_id=run), timeout=60)
    listed = files_at(running.sdk_port, f"/api/v1/runs/{run}/files")

    assert sorted((file["path"], file["job"]) for file in listed) == [("out.txt", "far"), ("out.txt", "near")]
    assert titan("files", "far", "out.txt", "--run", run, "--output", "-").stdout == b"far"


def test_a_list_that_is_cut_says_so(client: TitanClient, port: int) -> None:
    name = a_name("many")
    client.wait(client.submit_dag(a_name("dag"), [a_job(name, "for n in range(5): open(str(n), 'w')")]), timeout=60)

    cut = ask(port, "GET", f"/api/jobs/{name}/files?limit=2").value
    whole = ask(port, "GET", f"/api/jobs/{name}/files?limit=5").value

    assert ([file["path"] for file in cut["files"]], cut["more"]) == (["0", "1"], True)
    assert (len(whole["files"]), whole["more"]) == (5, False)


def test_unknown_jobs_dags_and_runs_have_no_files(port: int) -> None:
    for path, kind in (("api/jobs", "UnknownJob"), ("api/dags", "UnknownDag"), ("api/v1/runs", "UnknownRun")):
        assert ask(port, "GET", f"/{path}/nobody/files").refusal == (404, kind)
    assert ask(port, "GET", "/api/jobs/nobody/files?attempt=0").refusal == (400, "InvalidInput")
    assert ask(port, "GET", "/api/v1/runs/nobody/files?attempt=1").refusal == (400, "InvalidInput")


# --- the command ---


def without_ages(lines: list[str]) -> list[list[str]]:
    """Return the words of a table, but for those that tell how long ago something was; they also widen its columns."""
    return [[word for word in line.split() if not re.fullmatch(r"\((now|\d+s)\)", word)] for line in lines]


def test_the_command_lists_and_fetches_the_files_of_a_job_a_dag_and_a_run(
    client: TitanClient, titan: CommandLine, tmp_path: Path
) -> None:
    job, dag, run = a_name("job"), a_name("dag"), a_name("RUN")
    text = "import os\nos.mkdir('d')\nopen('d/x.bin', 'wb').write(bytes(range(256)))\nos.symlink('d', 'link')"
    client.wait(client.submit_dag(dag, [a_job(job, text)], agent_run_id=run), timeout=60)

    tables = [titan("files", *words) for words in ([job], [dag], [run], ["--dag", dag], ["--run", run])]
    target = tmp_path / "copy.bin"
    fetched = titan("files", run, "d/x.bin", "--output", str(target))
    again = titan("files", run, "d/x.bin", "--output", str(target))
    forced = titan("files", run, "d/x.bin", "--output", str(target), "--force")

    assert [without_ages(table.lines) for table in tables] == [without_ages(tables[0].lines)] * 5
    heading, file, link = tables[0].lines
    assert heading.split() == ["PATH", "SIZE", "CHANGED", "JOB", "ATTEMPT", "WORKER", "CONTENT"]
    assert file.split()[0:3] == ["d/x.bin", "256", "B"]
    assert link.endswith("not here: a symbolic link, which is not followed")
    assert (fetched.exit_code, again.exit_code, forced.exit_code) == (0, 2, 0)
    assert "overwrite it with --force" in again.stderr
    assert target.read_bytes() == bytes(range(256))
    assert titan("files", job, "--json").document["more"] is False


def test_the_command_says_why_it_cannot_fetch_a_file(client: TitanClient, titan: CommandLine) -> None:
    job, silent = a_name("job"), a_name("silent")
    jobs = [a_job(job, "import os\nopen('a.txt', 'w')\nos.symlink('a.txt', 'link')"), a_job(silent, "pass")]
    client.wait(client.submit_dag(a_name("dag"), jobs[:1]), timeout=60)
    client.wait(client.submit_dag(a_name("dag"), jobs[1:]), timeout=60)

    assert titan("files").exit_code == 2
    assert titan("files", "nobody").exit_code == 3
    assert titan("files", job, "--output", "x").exit_code == 2
    assert "found none among 2 (a.txt, link)" in titan("files", job, "b.txt").stderr
    assert "which is not followed" in titan("files", job, "link").stderr
    assert titan("files", silent).text.startswith("No files.")
