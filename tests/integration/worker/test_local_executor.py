"""What the LocalExecutor promises beyond the Executor port: warm starts, reapers, and the root above them."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.attempts import LocalAttempts
from tests.support.waiting import is_running, wait_until, wait_until_gone
from titan.worker.executors.local import LocalExecutor, without_titan
from titan.worker.executors.process_tree import children_of, descendants

IS_WARM = "import sys\nprint('titan_sdk' in sys.modules)"


@pytest.fixture
def attempts(tmp_path: Path) -> Iterator[LocalAttempts]:
    with LocalAttempts(tmp_path) as attempts:
        yield attempts


def root_of(attempts: LocalAttempts) -> int:
    """Return the zygote's process id."""
    status = Path(f"/proc/{int(attempts.run('import os; print(os.getppid())').text)}/status").read_text()
    return int(status.split("PPid:")[1].split()[0])


@pytest.mark.parametrize(
    ("environment", "is_warm"),
    [
        ({}, True),
        ({"MODE": "fast"}, True),
        ({"TZ": "Asia/Tokyo"}, True),
        ({"PYTHONHASHSEED": "0"}, False),
        ({"LD_BIND_NOW": "1"}, False),
        ({"OMP_NUM_THREADS": "1"}, False),
        ({"LANG": "C"}, False),
        ({"OPENSSL_CONF": "/etc/ssl/openssl.cnf"}, False),
    ],
)
def test_a_script_starts_warm_unless_its_environment_matters_to_a_start(
    attempts: LocalAttempts, environment: dict[str, str], is_warm: bool
) -> None:
    assert attempts.run(IS_WARM, environment=environment).text == f"{is_warm}\n"


def test_a_time_zone_takes_effect_in_a_warm_script(attempts: LocalAttempts) -> None:
    ended = attempts.run("import time\nprint(time.strftime('%z', time.localtime(0)))", environment={"TZ": "Asia/Tokyo"})

    assert ended.text == "+0900\n"


def test_no_attempt_inherits_variables_that_name_a_titan_server() -> None:
    assert without_titan({"PATH": "/bin", "TITAN_TOKEN": "secret", "TITANIC": "1"}) == {"PATH": "/bin", "TITANIC": "1"}


def test_more_attempts_than_reapers_run_beside_each_other(tmp_path: Path) -> None:
    meet = (
        "import os, sys, time\n"
        "open(sys.argv[1], 'w').close()\n"
        "while len(os.listdir()) < 30:\n"
        "    time.sleep(0.01)\n"
        "print(os.getppid())"
    )
    with LocalAttempts(tmp_path, spare_reapers=2) as attempts:
        leases = [attempts.start(meet, str(number)) for number in range(30)]
        reapers = {int(attempts.wait(lease).text) for lease in leases}

        assert len(reapers) == 30
        wait_until(lambda: sum(map(is_running, reapers)) <= 2, "the reapers that are not needed end")


def test_killing_idle_executor_processes_harms_no_attempt(attempts: LocalAttempts) -> None:
    reapers = children_of(root_of(attempts))
    waiting = [child for reaper in reapers for child in children_of(reaper)]

    for pid in (reapers[0], *waiting[1:]):
        os.kill(pid, signal.SIGKILL)
    wait_until_gone(reapers[0], *waiting[1:])  # one that is killed and not gone yet would still be given its order
    attempts.executor.ends()
    outputs = [attempts.run(f"print({number})").text for number in range(8)]

    assert outputs == [f"{number}\n" for number in range(8)]


def test_a_killed_root_is_replaced(attempts: LocalAttempts) -> None:
    root = root_of(attempts)
    below = descendants(root)

    os.kill(root, signal.SIGKILL)
    wait_until(lambda: attempts.executor.ends() == [] and not any(map(is_running, below)), "everything below it ends")

    assert attempts.run("print('next')").text == "next\n"
    assert root_of(attempts) != root


def test_a_bomb_of_forks_is_defused(attempts: LocalAttempts) -> None:
    lease = attempts.start(
        "import os, time\n"
        "print('lit')\n"
        "end = time.monotonic() + 60\n"
        "while time.monotonic() < end:\n"
        "    if len(os.listdir('/proc')) < 400 and os.fork() == 0:\n"
        "        os.setsid()\n"
    )
    attempts.wait_for_output(lease, "lit")

    attempts.executor.stop(lease, grace_seconds=0)
    attempts.wait(lease)

    assert attempts.run("print('quiet')").text == "quiet\n"


def test_no_core_is_dumped_and_memory_is_taken_from_jobs_first(attempts: LocalAttempts) -> None:
    ended = attempts.run(
        "import resource\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0], open('/proc/self/oom_score_adj').read().strip())"
    )

    assert ended.text == "0 300\n"


def test_a_root_that_cannot_start_is_reported(tmp_path: Path) -> None:
    executor = LocalExecutor(environment={"PYTHONHOME": str(tmp_path)})

    is_warm = executor.wait_until_warm(30)
    executor.close()

    assert not is_warm
