"""What every Executor promises, on scripts that run warm and on scripts that run cold."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.attempts import Attempts, LocalAttempts
from tests.support.waiting import is_running, wait_until_gone

ESCAPE = """
import os, sys, time
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("escaped", os.getpid())
        os.close(writer)
        time.sleep(600)
    os._exit(0)
os.wait()
os.close(writer)
os.read(reader, 1)  # its end says that the other has printed
"""


@pytest.fixture(scope="module", params=["warm", "cold"])
def attempts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attempts]:
    with LocalAttempts(tmp_path_factory.mktemp("executor"), is_cold=request.param == "cold") as attempts:
        yield attempts


@pytest.mark.parametrize(
    ("script", "exit_code"),
    [
        ("", 0),
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit(256 + 7)", 7),
        ("import sys; sys.exit('no more rows')", 1),
        ("raise SystemExit(True)", 1),
        ("1 / 0", 1),
        ("this is not Python", 1),
        ("import os; os._exit(9)", 9),
        ("import os; os._exit(126)", 126),
    ],
)
def test_the_exit_code_is_the_script_s_own(attempts: Attempts, script: str, exit_code: int) -> None:
    ended = attempts.run(script)

    assert (ended.end.exit_code, ended.end.signal, ended.end.start_error) == (exit_code, None, None)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT])
def test_death_by_a_signal_is_reported_as_such(attempts: Attempts, number: signal.Signals) -> None:
    reset = "" if number is signal.SIGKILL else f"signal.signal({number:d}, signal.SIG_DFL);"

    ended = attempts.run(f"import os, signal; {reset} os.kill(os.getpid(), {number:d})")

    assert (ended.end.exit_code, ended.end.signal) == (None, number)


def test_ctrl_c_inside_a_script_ends_it_as_python_would(attempts: Attempts) -> None:
    ended = attempts.run("raise KeyboardInterrupt")

    assert ended.end.signal == signal.SIGINT
    assert ended.text.endswith("KeyboardInterrupt\n")


def test_output_and_errors_arrive_in_the_order_they_were_written(attempts: Attempts) -> None:
    ended = attempts.run(
        "import os, sys\n"
        "print('one')\n"
        "print('two', file=sys.stderr)\n"
        "os.write(1, b'three\\n')\n"
        "sys.stdout.buffer.write(b'four\\n')\n"
        "os.system('echo five')\n"
    )

    assert ended.text == "one\ntwo\nthree\nfour\nfive\n"


def test_every_byte_of_the_output_is_kept(attempts: Attempts) -> None:
    ended = attempts.run(
        "import sys\nsys.stdout.buffer.write(bytes(range(256)) * 40_000)\nprint('žluťoučký 🐎 \\x00 end')"
    )

    assert ended.output == bytes(range(256)) * 40_000 + "žluťoučký 🐎 \x00 end\n".encode()


def test_output_is_there_while_the_script_runs(attempts: Attempts) -> None:
    lease = attempts.start("import time\nprint('half a', end='')\nprint(' line')\ntime.sleep(600)")

    attempts.wait_for_output(lease, "half a line")

    attempts.executor.stop(lease, grace_seconds=0)
    attempts.wait(lease)


def test_arguments_arrive_character_for_character(attempts: Attempts) -> None:
    odd = ("", " ", "a b", "|", ";", "$HOME", "`id`", "'\"", "\n", "\\", "žluť 🐎", "--flag=é", "*", "-", "x" * 100_000)

    ended = attempts.run("import sys, json\nprint(json.dumps(sys.argv[1:]))", *odd)

    assert ended.text == __import__("json").dumps(list(odd)) + "\n"


def test_the_environment_is_the_executor_s_with_the_attempt_s_on_top(attempts: Attempts) -> None:
    ended = attempts.run(
        "import os\nprint(os.environ['WHO'], os.getenv('WHO'), 'PATH' in os.environ)\nos.system('echo $WHO')",
        environment={"WHO": "žofie"},
    )

    assert ended.text == "žofie žofie True\nžofie\n"


def test_no_attempt_sees_the_environment_of_another(attempts: Attempts) -> None:
    attempts.run("", environment={"MINE": "1"})

    ended = attempts.run("import os\nprint(os.getenv('MINE'))")

    assert ended.text == "None\n"


def test_the_script_finds_itself_its_workspace_and_an_empty_input(attempts: Attempts) -> None:
    ended = attempts.run(
        "import os, sys\n"
        "print(os.getcwd(), os.path.basename(__file__), sys.path[0] == os.path.dirname(__file__))\n"
        "print(repr(sys.stdin.read()), os.getsid(0) == os.getpid())"
    )

    assert ended.text == f"{attempts.workspace} job.py True\n'' True\n"


def test_a_script_holds_no_descriptor_but_its_own_three(attempts: Attempts) -> None:
    ended = attempts.run("import os\nprint(sorted(os.listdir('/proc/self/fd'), key=int)[:-1])")

    assert ended.text == "['0', '1', '2']\n"


def test_memory_and_time_are_measured(attempts: Attempts) -> None:
    ended = attempts.run("import time\nballast = b'x' * 60_000_000\ntime.sleep(0.2)")

    assert ended.end.peak_memory_bytes is not None
    assert 60_000_000 < ended.end.peak_memory_bytes < 200_000_000
    assert ended.end.duration_ns > 200_000_000


def test_a_process_that_escaped_into_its_own_session_ends_with_the_attempt(attempts: Attempts) -> None:
    ended = attempts.run(ESCAPE)

    assert ended.end.exit_code == 0
    assert not is_running(int(ended.text.split()[1]))


def test_stopping_ends_escaped_processes_too(attempts: Attempts) -> None:
    lease = attempts.start(ESCAPE + "time.sleep(600)")
    escaped = int(attempts.wait_for_output(lease, "escaped"))

    attempts.executor.stop(lease, grace_seconds=5)
    ended = attempts.wait(lease)

    assert ended.end.signal == signal.SIGTERM
    assert not is_running(escaped)


def test_a_stopped_script_may_use_the_grace_to_end_in_order(attempts: Attempts) -> None:
    lease = attempts.start(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(5)))\n"
        "print('ready')\n"
        "time.sleep(600)"
    )
    attempts.wait_for_output(lease, "ready")

    attempts.executor.stop(lease, grace_seconds=20)
    ended = attempts.wait(lease)

    assert ended.end.exit_code == 5
    assert ended.text == "ready\nsaved\n"


def test_a_script_that_ignores_the_request_is_killed_after_the_grace(attempts: Attempts) -> None:
    lease = attempts.start(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready')\ntime.sleep(600)"
    )
    attempts.wait_for_output(lease, "ready")

    attempts.executor.stop(lease, grace_seconds=0.2)
    ended = attempts.wait(lease)

    assert ended.end.signal == signal.SIGKILL


def test_stopping_an_unknown_attempt_does_nothing(attempts: Attempts) -> None:
    attempts.executor.stop("unknown", grace_seconds=0)

    assert attempts.run("print('fine')").text == "fine\n"


def test_a_script_that_closes_its_outputs_still_ends(attempts: Attempts) -> None:
    ended = attempts.run("import os\nprint('last words')\nfor each in (0, 1, 2): os.close(each)")

    assert (ended.end.exit_code, ended.text) == (0, "last words\n")


def test_a_child_that_keeps_the_output_open_holds_nothing_up(attempts: Attempts) -> None:
    ended = attempts.run("import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid)")

    assert ended.end.exit_code == 0
    assert not is_running(int(ended.text))


def test_a_stopped_child_does_not_survive(attempts: Attempts) -> None:
    ended = attempts.run(
        "import os, signal, subprocess\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "os.kill(child.pid, signal.SIGSTOP)\n"
        "print(child.pid)"
    )

    assert not is_running(int(ended.text))


def test_a_crowd_of_processes_ends_with_the_attempt(attempts: Attempts) -> None:
    ended = attempts.run(
        "import os, time\n"
        "for _ in range(5):\n"
        "    os.fork()\n"
        "if os.getpid() != os.getsid(0):\n"
        "    os.write(1, b'%d\\n' % os.getpid())\n"
        "    time.sleep(600)\n"
        "while len(open(os.path.realpath('/proc/self/fd/1')).read().split()) < 31:\n"
        "    time.sleep(0.01)\n"
    )

    assert ended.end.exit_code == 0
    assert [pid for pid in map(int, ended.text.split()) if is_running(pid)] == []


def test_the_next_attempt_runs_after_the_watcher_of_one_is_killed(attempts: Attempts) -> None:
    ended = attempts.run("import os, time\nprint(os.getpid())\nos.kill(os.getppid(), 9)\ntime.sleep(600)")

    assert ended.end.is_lost
    assert not is_running(int(ended.text))
    assert attempts.run("print('next')").text == "next\n"


def test_everything_that_watches_may_be_killed_at_once(attempts: Attempts) -> None:
    ended = attempts.run(
        "import os, time\n"
        "status = open(f'/proc/{os.getppid()}/status').read()\n"
        "root = int(status.split('PPid:')[1].split()[0])\n"
        "print(os.getpid())\n"
        "os.kill(root, 9)\n"
        "time.sleep(600)"
    )

    assert ended.end.is_lost
    wait_until_gone(int(ended.text))
    assert attempts.run("print('next')").text == "next\n"


def test_a_watcher_that_no_longer_reacts_can_be_abandoned(attempts: Attempts) -> None:
    lease = attempts.start("import os, time\nos.kill(os.getppid(), 19)\nprint('ready', os.getpid())\ntime.sleep(600)")
    pid = int(attempts.wait_for_output(lease, "ready"))

    attempts.executor.stop(lease, grace_seconds=0)
    attempts.executor.abandon(lease)
    ended = attempts.wait(lease)

    assert ended.end.is_lost
    assert not is_running(pid)


def test_attempts_run_beside_each_other(attempts: Attempts) -> None:
    meet = (
        "import os, sys, time\n"
        "open(sys.argv[1], 'w').close()\n"
        "while not all(os.path.exists(name) for name in 'abcdefghi'):\n"
        "    time.sleep(0.005)\n"
    )

    leases = [attempts.start(meet, name) for name in "abcdefghi"]

    assert {attempts.wait(lease).end.exit_code for lease in leases} == {0}


def test_an_attempt_whose_workspace_is_missing_says_so(attempts: Attempts, tmp_path: Path) -> None:
    lost = Attempts(attempts.executor, tmp_path)
    lost.workspace.rmdir()

    ended = lost.run("")

    assert ended.end.start_error is not None
    assert "workspace" in ended.end.start_error


def test_a_limit_on_memory_is_kept(attempts: Attempts) -> None:
    ended = attempts.run("x = bytearray(2_000_000_000)", memory_limit_bytes=1_000_000_000)

    assert ended.end.exit_code == 1
    assert ended.text.endswith("MemoryError\n")


def test_closing_ends_running_attempts(tmp_path: Path) -> None:
    with LocalAttempts(tmp_path) as attempts:
        lease = attempts.start("import os, time\nprint('ready', os.getpid())\ntime.sleep(600)")
        pid = int(attempts.wait_for_output(lease, "ready"))

    assert not is_running(pid)


def test_two_hundred_attempts_leave_no_process_and_no_descriptor(attempts: Attempts) -> None:
    for lease in [attempts.start("") for _ in range(8)]:
        attempts.wait(lease)
    before = len(os.listdir("/proc/self/fd"))
    escaping = "import os\nprint(os.getppid())\nif os.fork() == 0:\n    os.setsid()\n    os._exit(0)"

    reapers = {attempts.run(escaping).text for _ in range(20)} | {attempts.run("").text for _ in range(180)}

    assert len(os.listdir("/proc/self/fd")) <= before
    assert len(reapers) <= 1 + 4
