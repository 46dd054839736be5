"""A worker process against a scripted server: what it runs, what it says, and what it survives."""

import json
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.waiting import is_running, wait_until, wait_until_gone
from tests.support.worker_process import WorkerProcess
from tests.support.worker_server import WorkerServer
from titan.model.attempts import AttemptOutcome
from titan.wire.protocol import Report
from titan.worker.adoption import local_folder, read_surviving_worker

ALL_PROCESSES = 1 + 4 + 4  #: of a worker with four slots: the root, its reapers, and for each the process of a job
SLEEP = "import os, time\nprint('ready', os.getpid())\ntime.sleep(600)"


@pytest.fixture
def server() -> Iterator[WorkerServer]:
    server = WorkerServer()
    yield server
    server.close()


@pytest.fixture
def worker(server: WorkerServer, tmp_path: Path) -> Iterator[WorkerProcess]:
    with WorkerProcess(server.url, tmp_path / "home", "--name", "w1") as worker:
        yield worker


def test_it_registers_its_name_and_its_offers(server: WorkerServer, tmp_path: Path) -> None:
    with WorkerProcess(server.url, tmp_path / "home", "--offer", "GPU:1", "--name", "gpu-box") as worker:
        wait_until(lambda: bool(server.claims), "the first claim")

        _, registration = server.registrations[0]
        assert (registration.name, registration.pid) == ("gpu-box", worker.pid)
        assert registration.offers == {"GENERAL": 4, "GPU": 1}


def test_an_attempt_is_run_and_reported_with_its_output(server: WorkerServer, worker: WorkerProcess) -> None:
    before = datetime.now(UTC)

    report = server.wait_for_report(server.give("import sys\nprint('hello', sys.argv[1:])\nsys.exit(3)", "a b"))

    assert (report.outcome, report.exit_code, report.signal, report.error) == (AttemptOutcome.FAILED, 3, None, None)
    assert server.logs[report.lease_id] == b"hello ['a b']\n"
    assert before - timedelta(seconds=1) < report.started_at < datetime.now(UTC)
    assert report.duration_ns > 0
    assert report.peak_memory_bytes is not None


def test_a_job_finds_its_server_and_itself_in_the_environment(server: WorkerServer, worker: WorkerProcess) -> None:
    script = "import json, os\nprint(json.dumps({k: v for k, v in os.environ.items() if k.startswith('TITAN_')}))"

    lease = server.give(script, agent_run_id="R_1", env={"MODE": "fast", "TITAN_NOTE": "own"}, attempt=2)
    server.wait_for_report(lease)

    assert json.loads(server.logs[lease]) == {
        "TITAN_JOB_ID": "d1.1",
        "TITAN_JOB_NAME": "job1",
        "TITAN_DAG": "pipeline",
        "TITAN_DAG_ID": "d1",
        "TITAN_AGENT_RUN_ID": "R_1",
        "TITAN_ATTEMPT": "2",
        "TITAN_WORKSPACE": str(worker.home / "workers" / "w1" / "workspaces" / "dag-d1" / "titan_workspace" / "shared"),
        "TITAN_SPOOL": str(worker.home / "workers" / "w1" / "spools" / lease),
        "TITAN_HOST": "127.0.0.1",
        "TITAN_PORT": str(server.port),
        "TITAN_TOKEN": "secret",
        "TITAN_NOTE": "own",
    }


def test_attempts_of_one_run_share_a_workspace_and_nothing_else(server: WorkerServer, worker: WorkerProcess) -> None:
    show = "import os\nprint(os.getcwd(), sorted(os.listdir()))\nopen('note.txt', 'w').close()"

    leases = [server.give(show, workspace=workspace) for workspace in ("run-A", "run-B")]
    for lease in leases:
        server.wait_for_report(lease)
    again = server.give(show, workspace="run-A")
    server.wait_for_report(again)

    workspaces = worker.home / "workers" / "w1" / "workspaces"
    assert server.logs[leases[0]].decode() == f"{workspaces}/run-A/titan_workspace/shared ['job.py']\n"
    assert server.logs[leases[1]].decode() == f"{workspaces}/run-B/titan_workspace/shared ['job.py']\n"
    assert server.logs[again].decode() == f"{workspaces}/run-A/titan_workspace/shared ['job.py', 'note.txt']\n"


def test_a_hundred_attempts_are_each_reported_once(server: WorkerServer, worker: WorkerProcess) -> None:
    leases = [server.give(f"print({number})") for number in range(100)]

    for lease in leases:
        server.wait_for_report(lease)

    assert [server.logs[lease] for lease in leases] == [b"%d\n" % number for number in range(100)]
    assert {report.outcome for report in server.reports.values()} == {AttemptOutcome.SUCCEEDED}
    assert server.stale_reports == []
    assert len(list((worker.home / "workers" / "w1" / "blobs").iterdir())) == 100


def test_a_claim_is_outstanding_also_while_every_slot_is_taken(server: WorkerServer, worker: WorkerProcess) -> None:
    leases = [server.give(SLEEP) for _ in range(4)]
    for lease in leases:
        server.wait_for_output(lease, "ready")

    wait_until(lambda: server.open_claims == 1, "a claim is open")

    assert server.claims[-1].holding == leases


def test_a_cold_attempt_and_a_shell_script_run_too(server: WorkerServer, worker: WorkerProcess) -> None:
    cold = server.give("import sys\nprint('json' in sys.modules)", cold=True)
    shell = server.give('echo "$0" $1 $TITAN_JOB_NAME', "one", filename="job.sh")
    program = server.give("#!/bin/sh\necho program $1\n", "two", filename="job")

    outcomes = [server.wait_for_report(lease).outcome for lease in (cold, shell, program)]

    assert outcomes == [AttemptOutcome.SUCCEEDED] * 3
    assert server.logs[cold] == b"False\n"
    assert server.logs[shell].split()[1:] == [b"one", b"job2"]
    assert server.logs[program] == b"program two\n"


def test_a_file_that_cannot_be_executed_is_a_failure_with_its_reason(
    server: WorkerServer, worker: WorkerProcess
) -> None:
    report = server.wait_for_report(server.give("\x00\x01 not a program", filename="job.bin"))

    assert (report.outcome, report.exit_code) == (AttemptOutcome.FAILED, None)
    assert report.error is not None
    assert report.error.startswith("could not start: OSError: [Errno 8] Exec format error")


def test_a_script_that_the_server_does_not_have_is_a_failure_that_says_so(
    server: WorkerServer, worker: WorkerProcess
) -> None:
    missing, wrong = "0" * 64, "1" * 64
    server.contents[wrong] = b"print('something else')"

    reports = [server.wait_for_report(server.give("", script=digest)) for digest in (missing, wrong)]

    assert [report.outcome for report in reports] == [AttemptOutcome.FAILED] * 2
    assert "could not start: script 0000" in str(reports[0].error)
    assert "found other content" in str(reports[1].error)


def test_a_machine_that_cannot_start_an_attempt_gives_it_back(server: WorkerServer, worker: WorkerProcess) -> None:
    wait_until(lambda: bool(server.claims), "the first claim")
    shutil.rmtree(worker.home / "workers" / "w1" / "attempts")

    report = server.wait_for_report(server.give(""))

    assert report.outcome is AttemptOutcome.RETURNED
    assert "could not start on this machine" in str(report.error)


def test_a_cancelled_attempt_is_stopped_and_reported(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = server.give(SLEEP)
    pid = int(server.wait_for_output(lease, "ready"))

    server.stop(lease)
    report = server.wait_for_report(lease)

    assert (report.outcome, report.signal) == (AttemptOutcome.CANCELLED, signal.SIGTERM)
    assert not is_running(pid)
    assert sum(lease in claim.stopping for claim in server.claims) <= 2


def test_an_attempt_that_runs_too_long_is_stopped(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = server.give(SLEEP, timeout_seconds=0.3)

    report = server.wait_for_report(lease)

    assert report.outcome is AttemptOutcome.TIMED_OUT
    assert report.error == "ran longer than its timeout of 0.3 s"
    assert 200_000_000 < report.duration_ns < 5_000_000_000


def test_a_lost_attempt_is_killed_and_never_reported(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = server.give(SLEEP)
    pid = int(server.wait_for_output(lease, "ready"))

    server.lose(lease)
    server.forget_workers()  # so that only the heartbeat can tell
    wait_until_gone(pid)
    server.wait_for_report(server.give("print('next')"))

    assert lease not in server.reports
    assert server.stale_reports == []


def test_the_lease_of_a_running_attempt_is_renewed(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = server.give(SLEEP)

    wait_until(lambda: [lease] in server.heartbeats, "a heartbeat", seconds=10)


def test_ten_megabytes_of_output_arrive_whole_and_before_the_report(
    server: WorkerServer, worker: WorkerProcess
) -> None:
    lease = server.give("import sys\nsys.stdout.buffer.write(bytes(range(256)) * 40_960)\nprint('end')")

    report = server.wait_for_report(lease)

    assert server.logs[lease] == bytes(range(256)) * 40_960 + b"end\n"
    assert len(report.log_tail) <= 256 * 1024
    assert sum(size for _, _, size in server.log_parts) >= 10 * 1024 * 1024


def test_output_is_streamed_while_the_attempt_runs(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = server.give("import time\nfor n in range(10_000):\n    print(n)\n    time.sleep(0.01)")

    server.wait_for_output(lease, "\n30\n")

    assert lease not in server.reports
    assert len(server.log_parts) > 1


def test_a_server_that_lost_a_part_of_the_output_gets_it_again(server: WorkerServer, worker: WorkerProcess) -> None:
    script = (
        "import os, time\nprint('one' * 200_000)\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\nprint('two')"
    )
    lease = server.give(script)
    server.wait_for_output(lease, "one")

    server.forget_output(lease)
    shared = worker.home / "workers" / "w1" / "workspaces" / "dag-d1" / "titan_workspace" / "shared"
    (shared / "go").touch()
    server.wait_for_report(lease)

    assert server.logs[lease] == b"one" * 200_000 + b"\ntwo\n"


def test_attempts_outlive_their_server_and_report_to_the_next(server: WorkerServer, worker: WorkerProcess) -> None:
    ends_meanwhile = server.give("import time\nprint('early')\ntime.sleep(0.5)\nprint('late')")
    goes_on = server.give(
        "import os, time\nprint('begun')\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\nprint('done')"
    )
    server.wait_for_output(goes_on, "begun")
    server.wait_for_output(ends_meanwhile, "early")

    server.go_away()
    log = worker.home / "workers" / "w1" / "attempts"
    wait_until(lambda: any(b"late" in path.read_bytes() for path in log.glob("*.log")), "the attempt goes on")
    server.come_back()
    came_back = time.monotonic()
    server.wait_for_report(ends_meanwhile)
    seconds = time.monotonic() - came_back
    shared = worker.home / "workers" / "w1" / "workspaces" / "dag-d1" / "titan_workspace" / "shared"
    (shared / "go").touch()
    server.wait_for_report(goes_on)

    assert server.logs[ends_meanwhile] == b"early\nlate\n"
    assert server.logs[goes_on] == b"begun\ndone\n"
    assert seconds < 5
    assert len(server.registrations) == 1


def test_the_local_worker_finds_a_server_that_comes_back_elsewhere(server: WorkerServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server.serve_in(home)
    with WorkerProcess(server.url, home, "--local"):
        server.wait_for_report(server.give("print('before')"))

        server.go_away()
        server.move()
        (home / "server.json").write_text(json.dumps({"job_url": server.url}))
        server.come_back()
        lease = server.give("import os\nprint(os.environ['TITAN_PORT'])")
        server.wait_for_report(lease)

    assert server.logs[lease].decode() == f"{server.port}\n"


def test_a_worker_unknown_to_its_server_registers_again(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = server.give(SLEEP)
    server.wait_for_output(lease, "ready")

    server.forget_workers()
    server.stop(lease)
    server.wait_for_report(lease)

    ids = [worker_id for worker_id, _ in server.registrations]
    assert len(ids) >= 2  # one or more: two of its requests may be under way when the server forgets it
    assert set(ids) == {ids[0]}


@pytest.mark.parametrize(
    ("verb", "seconds"), [("register", 0), ("claim", 0), ("complete", 0), ("log", 0.5), ("heartbeat", 4)]
)
def test_an_answer_lost_on_the_wire_changes_nothing(
    server: WorkerServer, tmp_path: Path, verb: str, seconds: float
) -> None:
    server.drop_next.add(verb)
    with WorkerProcess(server.url, tmp_path / "home") as worker:
        lease = server.give(f"import os, time\nprint(os.getpid())\ntime.sleep({seconds})\nprint('end')")
        server.wait_for_report(lease)
        wait_until(lambda: server.claims[-1].holding == [], "the report is acknowledged")

        assert server.drop_next == set()
        assert len(server.logs[lease].split()) == 2
        assert worker.process.poll() is None


def test_killing_the_worker_leaves_no_process(server: WorkerServer, worker: WorkerProcess) -> None:
    escape = "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork():\n        os._exit(0)\n" + SLEEP
    for lease in [server.give(escape), server.give(SLEEP), server.give(SLEEP, cold=True)]:
        server.wait_for_output(lease, "ready")
    processes = worker.below()

    worker.signal(signal.SIGKILL)
    worker.exit_code()

    assert len(processes) >= 8
    wait_until_gone(*processes)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_ending_worker_gives_its_attempts_back(
    server: WorkerServer, worker: WorkerProcess, number: signal.Signals
) -> None:
    lease = server.give(SLEEP)
    server.wait_for_output(lease, "ready")
    processes = worker.below()

    worker.signal(number)
    exit_code = worker.exit_code()

    assert exit_code == 0
    assert server.reports[lease].outcome is AttemptOutcome.RETURNED
    assert server.has_left
    assert not any(map(is_running, processes))


def test_an_ending_worker_still_reports_ended_attempts(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = server.give("print('done')")
    server.wait_for_report(lease)

    worker.signal(signal.SIGTERM)
    worker.exit_code()

    assert server.reports[lease].outcome is AttemptOutcome.SUCCEEDED


def test_a_second_signal_ends_the_worker_at_once(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = server.give("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP)
    server.wait_for_output(lease, "ready")
    processes = worker.below()

    worker.signal(signal.SIGTERM)
    wait_until(lambda: "leaving" in worker.log.read_text(), "the first signal is heard")
    worker.signal(signal.SIGTERM)
    exit_code = worker.exit_code()

    assert exit_code == 130
    wait_until_gone(*processes)


def test_a_worker_suspended_past_its_leases_ends_the_lost_attempts(server: WorkerServer, worker: WorkerProcess) -> None:
    runs_on = server.give(SLEEP)
    ends_asleep = server.give("import os, time\nprint('begun', os.getpid())\ntime.sleep(0.5)")
    pid = int(server.wait_for_output(runs_on, "ready"))
    ending_pid = int(server.wait_for_output(ends_asleep, "begun"))
    wait_until(lambda: len(worker.below()) == ALL_PROCESSES, "every process is there")

    worker.signal(signal.SIGSTOP)
    server.lose(runs_on)
    server.lose(ends_asleep)
    wait_until_gone(ending_pid)
    # A reaper reaps its job, tells the worker of the end, and only then forks the process of its next one.
    wait_until(lambda: ending_pid not in worker.below(), "the ended job is reaped")
    wait_until(lambda: len(worker.below()) == ALL_PROCESSES, "the end is told while the worker sleeps")
    worker.signal(signal.SIGCONT)

    wait_until_gone(pid)
    wait_until(lambda: bool(server.stale_reports), "the late report comes")
    assert [report.lease_id for report in server.stale_reports] == [ends_asleep]
    assert server.reports == {}
    assert server.wait_for_report(server.give("print('next')")).outcome is AttemptOutcome.SUCCEEDED


def test_a_killed_reaper_loses_its_attempt_and_no_other(server: WorkerServer, worker: WorkerProcess) -> None:
    other = server.give(SLEEP)
    server.wait_for_output(other, "ready")

    report = server.wait_for_report(server.give("import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(600)"))

    assert report.outcome is AttemptOutcome.LOST
    assert other not in server.reports
    assert server.wait_for_report(server.give("")).outcome is AttemptOutcome.SUCCEEDED


def test_the_next_server_of_a_home_finds_the_worker_that_survived(server: WorkerServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server.serve_in(home)
    with WorkerProcess(server.url, home, "--local") as worker:
        wait_until(lambda: bool(server.claims), "the first claim")

        survivor = read_surviving_worker(local_folder(home, None))

        assert survivor is not None
        assert (survivor.pid, survivor.offers) == (worker.pid, {"GENERAL": 4})
        assert survivor.worker_id == server.registrations[0][0]
    assert read_surviving_worker(local_folder(home, None)) is None


def test_a_home_has_one_local_worker(server: WorkerServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server.serve_in(home)
    with WorkerProcess(server.url, home, "--local"):
        wait_until(lambda: bool(server.claims), "the first claim")

        with WorkerProcess(server.url, home, "--local") as second:
            assert second.exit_code() == 1
            assert "found another worker that runs" in second.log.read_text()


def test_workers_without_a_name_live_beside_each_other(server: WorkerServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with WorkerProcess(server.url, home), WorkerProcess(server.url, home):
        wait_until(lambda: len(server.registrations) == 2, "both register")

    first, second = sorted(registration.name for _, registration in server.registrations)
    assert second == f"{first}-2"


def test_a_worker_starts_before_its_server(server: WorkerServer, tmp_path: Path) -> None:
    server.go_away()
    with WorkerProcess(server.url, tmp_path / "home") as worker:
        wait_until(lambda: "waiting for the server" in worker.log.read_text(), "the worker is up")

        server.come_back()
        report: Report = server.wait_for_report(server.give("print('hello')"))

    assert report.outcome is AttemptOutcome.SUCCEEDED
