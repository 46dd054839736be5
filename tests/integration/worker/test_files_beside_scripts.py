"""Jobs of one run share the folder that their scripts lie in: a worker process against a scripted server."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.worker.test_left_files import left, run
from tests.support.worker_process import WorkerProcess
from tests.support.worker_server import WorkerServer
from titan.model.attempts import AttemptOutcome

HERE = "import os\nhere = os.path.dirname(os.path.abspath(__file__))\n"
WRITE = HERE + "open(os.path.join(here, 'data.json'), 'w').write('{}')"
READ = HERE + "print(open(os.path.join(here, 'data.json')).read(), here == os.getcwd())"
GENERATOR = (
    "import os, time\nopen(NAME, 'w').write(TEXT)\nprint('ready', flush=True)\n"
    "while not os.path.exists('again'): time.sleep(0.01)\nopen(NAME, 'w').write('changed')\nopen('done', 'w')"
)


@pytest.fixture
def server() -> Iterator[WorkerServer]:
    server = WorkerServer()
    yield server
    server.close()


@pytest.fixture
def worker(server: WorkerServer, tmp_path: Path) -> Iterator[WorkerProcess]:
    with WorkerProcess(server.url, tmp_path / "home", "--name", "w1") as worker:
        yield worker


@pytest.mark.parametrize("cold", [False, True])
def test_files_a_job_writes_beside_its_script_are_its_own_and_found_by_the_next(
    server: WorkerServer, worker: WorkerProcess, cold: bool
) -> None:
    writer = run(server, WRITE, filename="write.py", cold=cold)
    reader = run(server, READ, filename="read.py", cold=cold)

    assert left(server, writer) == {"data.json": b"{}"}
    assert (server.logs[reader], left(server, reader)) == (b"{} True\n", {})


def test_a_shell_script_and_a_program_share_that_folder(server: WorkerServer, worker: WorkerProcess) -> None:
    writer = run(server, 'echo 1 > "$(dirname "$0")/data"', filename="write.sh")
    reader = run(server, '#!/bin/sh\ncat "$(dirname "$0")/data"\n', filename="read")

    assert left(server, writer) == {"data": b"1\n"}
    assert (server.logs[reader], left(server, reader)) == (b"1\n", {})


def test_a_script_imports_files_beside_it(server: WorkerServer, worker: WorkerProcess) -> None:
    run(server, "open('helper.py', 'w').write('ANSWER = 42')", filename="make.py")

    assert server.logs[run(server, "import helper\nprint(helper.ANSWER)", filename="use.py")] == b"42\n"


def test_an_attempt_of_another_worker_in_that_folder_finds_the_same(server: WorkerServer, tmp_path: Path) -> None:
    with WorkerProcess(server.url, tmp_path / "home", "--name", "w1"):
        run(server, WRITE, filename="write.py", cold=True)
        run(server, READ, filename="read.py", cold=True)
    with WorkerProcess(server.url, tmp_path / "home", "--name", "w1"):
        reader = run(server, READ, filename="read.py", cold=True)

    assert (server.logs[reader], left(server, reader)) == (b"{} True\n", {})


def test_jobs_of_another_run_share_nothing(server: WorkerServer, worker: WorkerProcess) -> None:
    run(server, WRITE, filename="write.py", workspace="run-A")
    reader = run(server, READ, filename="read.py", workspace="run-B")

    assert server.reports[reader].outcome is AttemptOutcome.FAILED
    assert b"FileNotFoundError" in server.logs[reader]


def test_equal_names_and_an_output_never_overwrite_each_other(server: WorkerServer, worker: WorkerProcess) -> None:
    output = run(server, "open('report.py', 'w').write('an output')", filename="make.py")
    first = run(server, HERE + "open(f'{here}/a', 'w')", filename="report.py")
    second = run(server, "print(open('report.py').read())", filename="report.py")

    own = hashlib.sha256((HERE + "open(f'{here}/a', 'w')").encode()).hexdigest()[:16]
    assert left(server, output) == {"report.py": b"an output"}
    assert left(server, first) == {f".script-{own}/a": b""}
    assert (server.logs[second], left(server, second)) == (b"an output\n", {})


def test_a_job_that_changes_its_own_script_has_written_a_file(server: WorkerServer, worker: WorkerProcess) -> None:
    script = HERE + "print(len(open(__file__).read()))\nopen(__file__, 'a').write('# changed')"

    first, second = run(server, script), run(server, script)

    assert left(server, first) == {"job.py": f"{script}# changed".encode()}
    assert server.logs[first] == server.logs[second] == f"{len(script)}\n".encode()


@pytest.mark.parametrize("name", ["child.py", "child.sh"])
def test_a_script_that_a_running_job_wrote_runs_as_it_was_submitted(
    server: WorkerServer, worker: WorkerProcess, name: str
) -> None:
    child = HERE + "print('as submitted', here == os.getcwd())" if name == "child.py" else "echo as submitted"
    generator = server.give(GENERATOR.replace("NAME", repr(name)).replace("TEXT", repr(child)), filename="make.py")
    server.wait_for_output(generator, "ready")

    first = run(server, child, filename=name)
    run(server, "open('again', 'w')", filename="go.py")
    server.wait_for_report(generator)
    second = run(server, child, filename=name)

    assert server.logs[first].split()[:2] == server.logs[second].split()[:2] == [b"as", b"submitted"]
    if name == "child.py":
        assert server.logs[first] == b"as submitted True\n"
    assert left(server, generator)[name] == b"changed"


def test_a_workspace_where_no_script_can_be_put_lets_the_job_run(
    server: WorkerServer, worker: WorkerProcess, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    run(
        server,
        "import os, sys\nhere = os.getcwd()\nos.rename(here, here + '2')\nos.symlink(sys.argv[1], here)",
        args=[str(tmp_path / "outside")],
    )

    after = run(server, "print(__file__)", filename="after.py")

    assert server.reports[after].outcome is AttemptOutcome.SUCCEEDED
    assert "workspaces" not in server.logs[after].decode()
    assert list((tmp_path / "outside").iterdir()) == []
    assert "files that it writes beside its script are lost" in worker.log.read_text()
