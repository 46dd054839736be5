"""Recording in programs of their own: how they end, and a server that is there, away, slow, or back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_titan import FakeTitan, fake_titan
from tests.support.full_disk import small_disk
from tests.support.programs import run_program
from tests.support.sources import PACKAGES

WITHIN_SECONDS = 30
HEAD = "import os, signal, sys, time\nimport titan_sdk\nfrom titan_sdk import action\n"
ONE_CALL = HEAD + "with action('call'):\n    pass\n"


@pytest.fixture
def fake() -> Iterator[FakeTitan]:
    with fake_titan() as running:
        yield running
        running.takes_entries.set()


class Programs:
    """Programs of one home, with a port to ask at."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.env = {"TITAN_PORT": str(port), "TITAN_HOME": str(folder / "home"), "HOME": str(folder)}
        self.env["TITAN_RECORD_CODE"] = "0"  # tests/integration/titan_sdk/test_recording_program.py is about that

    @property
    def spool(self) -> Path:
        return self.folder / "home" / "spool" / f"127.0.0.1_{self.env['TITAN_PORT']}"

    def run(self, text: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return run_program(self._script(text), cwd=self.folder, env={**self.env, **(env or {})})

    def start(self, text: str) -> subprocess.Popen[str]:
        """Start a program, and return once it has printed `up`."""
        env = {"PYTHONPATH": PACKAGES, **self.env}
        program = subprocess.Popen([sys.executable, self._script(text)], env=env, stdout=subprocess.PIPE, text=True)
        assert program.stdout is not None
        with program.stdout as output:
            for line in output:
                if line == "up\n":
                    return program
        raise AssertionError(f"the program ended with {program.wait(60)}")

    def _script(self, text: str) -> Path:
        script = self.folder / "agent.py"
        script.write_text(text)
        return script


@pytest.fixture
def programs(tmp_path: Path, fake: FakeTitan) -> Programs:
    return Programs(tmp_path, fake.port)


def names(fake: FakeTitan) -> list[str]:
    """Return the names of the actions that were told to have ended, each once."""
    return [each["name"] for each in fake.facts.entries if each["type"] == "action" and "ended_at_ns" in each]


def run_ends(fake: FakeTitan) -> list[tuple[str, str | None]]:
    return [(each["end"], each.get("reason")) for each in fake.facts.entries if "end" in each]


def wait_until(fake: FakeTitan, holds: Callable[[], bool]) -> None:
    with fake.changed:
        assert fake.changed.wait_for(holds, WITHIN_SECONDS)


def test_a_program_without_a_run_gets_one_of_its_own_that_ends_with_it(fake: FakeTitan, programs: Programs) -> None:
    done = programs.run(ONE_CALL)

    assert (done.returncode, done.stderr) == (0, "")
    began, call, ended = sorted(fake.facts.entries, key=lambda each: each.get("at_ns") or each["started_at_ns"])
    assert began["agent_id"] == "agent"
    assert began["run_id"].startswith("agent-20")
    assert (call["run_id"], ended["run_id"], ended["end"]) == (began["run_id"], began["run_id"], "completed")
    assert not programs.spool.exists()


@pytest.mark.parametrize(
    ("env", "run_id"),
    [
        ({}, "d1"),
        ({"TITAN_DAG_ID": "d1"}, "d1"),
        ({"TITAN_DAG_ID": "d1", "TITAN_AGENT_RUN_ID": "RESEARCH_1"}, "RESEARCH_1"),
        ({"TITAN_DAG_ID": "d1", "TITAN_AGENT_RUN_ID": ""}, "d1"),
    ],
    ids=["of a bare environment", "no run", "a run", "an empty run"],
)
def test_actions_of_a_job_belong_to_its_run_which_it_does_not_end(
    fake: FakeTitan, programs: Programs, env: dict[str, str], run_id: str
) -> None:
    text = ONE_CALL + (
        "with titan_sdk.run(name='x') as run:\n    titan_sdk.progress(1)\n    print(run.id)\n"
        "with titan_sdk.run('LATER'):\n    raise ValueError('leaves the block, and the job')"
    )

    ended = programs.run(text, {"TITAN_JOB_ID": "d1.00000", "TITAN_TOKEN": "t1", **env})

    assert (ended.returncode, ended.stdout) == (1, f"{run_id}\n")
    assert names(fake) == ["call"]
    assert {each.get("run_id") for each in fake.facts.entries} == {run_id}
    assert run_ends(fake) == []
    assert {each.headers["authorization"] for each in fake.received} == {"Bearer t1"}


def test_a_run_of_another_id_in_a_job_ends_with_its_block(fake: FakeTitan, programs: Programs) -> None:
    text = HEAD + "with titan_sdk.run(run_id='OTHER'):\n    pass\nwith titan_sdk.run(run_id='d1'):\n    pass"

    programs.run(text, {"TITAN_JOB_ID": "d1.00000", "TITAN_DAG_ID": "d1"})

    assert [(each["run_id"], each["end"]) for each in fake.facts.entries if "end" in each] == [("OTHER", "completed")]


@pytest.mark.parametrize(
    ("ending", "end"),
    [
        ("raise ValueError('no')", ("failed", "ValueError: no")),
        ("sys.exit(3)", ("failed", "exit status 3")),
        ("sys.exit(0)", ("completed", None)),
    ],
)
def test_the_end_of_the_program_is_the_end_of_its_run(
    fake: FakeTitan, programs: Programs, ending: str, end: tuple[str, str | None]
) -> None:
    programs.run(ONE_CALL + ending)

    assert (names(fake), run_ends(fake)) == (["call"], [end])


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_program_reports_everything_and_dies_of_the_signal(
    fake: FakeTitan, programs: Programs, ending: signal.Signals
) -> None:
    program = programs.start(
        HEAD + "with titan_sdk.run('A', 'A_1'):\n"
        "    with action('call'):\n        pass\n    print('up', flush=True)\n    signal.pause()"
    )

    program.send_signal(ending)

    assert program.wait(WITHIN_SECONDS) == -ending
    assert (names(fake), run_ends(fake)) == (["call"], [("failed", ending.name)])


@pytest.mark.parametrize("block", ["with titan_sdk.run('A', 'A_1'):", "if True:"], ids=["a block", "none"])
def test_a_program_that_is_interrupted_has_cancelled_its_run(fake: FakeTitan, programs: Programs, block: str) -> None:
    program = programs.start(
        f"{HEAD}{block}\n    with action('call'):\n        pass\n    print('up', flush=True)\n    signal.pause()"
    )

    program.send_signal(signal.SIGINT)

    assert program.wait(WITHIN_SECONDS) == -signal.SIGINT
    assert (names(fake), run_ends(fake)) == (["call"], [("cancelled", "KeyboardInterrupt")])


UNDER_WAY = """
def wait():
    with action("thread's"):
        print("up", flush=True)
        threading.Event().wait()
"""


def cut_off(fake: FakeTitan) -> dict[str, str]:
    """Return what the calls failed with that did not come to their end, none later than their run."""
    over = [each for each in fake.facts.entries if each["type"] == "action" and "ended_at_ns" in each]
    [end] = [each["at_ns"] for each in fake.facts.entries if "end" in each]
    assert all(each["ended_at_ns"] <= end for each in over)
    return {each["name"]: each["failure"]["message"] for each in over if each["outcome"] == "error"}


@pytest.mark.parametrize("waits", ["", "titan_sdk.flush()\n        "])
def test_calls_under_way_end_with_the_program_that_is_terminated(
    fake: FakeTitan, programs: Programs, waits: str
) -> None:
    text = f"with titan_sdk.run('A', 'A_1'):\n    with action('open'):\n        {waits}print('up', flush=True)\n"
    program = programs.start(HEAD + text + "        signal.pause()")

    program.terminate()

    assert program.wait(WITHIN_SECONDS) == -signal.SIGTERM
    assert cut_off(fake) == {"open": "the program ended by SIGTERM"}


def test_calls_of_threads_that_the_exit_does_not_wait_for_end_with_the_program(
    fake: FakeTitan, programs: Programs
) -> None:
    programs.run(
        HEAD + "import threading, time\n" + UNDER_WAY + "with action('whole'):\n    pass\n"
        "threading.Thread(target=wait, daemon=True).start()\n"
        "while threading.active_count() < 3:\n    time.sleep(0.01)\n"
        "titan_sdk.flush()"
    )

    assert cut_off(fake) == {"thread's": "the program ended before this did"}


def test_a_program_without_a_name_is_called_python(fake: FakeTitan, programs: Programs) -> None:
    text = "import sys\nsys.argv[0] = '-c'\n" + ONE_CALL

    programs.run(text)

    assert {each["agent_id"] for each in fake.facts.entries if each["type"] == "run"} == {"python"}


def test_a_killed_program_has_reported_its_finished_actions(fake: FakeTitan, programs: Programs) -> None:
    program = programs.start(
        ONE_CALL + "running = action('running')\nrunning.__enter__()\nprint('up', flush=True)\nsignal.pause()"
    )
    wait_until(fake, lambda: any(each.get("name") == "running" for each in fake.facts.entries))

    program.kill()

    program.wait(WITHIN_SECONDS)
    assert names(fake) == ["call"]


def test_a_program_that_is_killed_while_the_server_is_away_leaves_it_on_disk(
    fake: FakeTitan, programs: Programs
) -> None:
    fake.stop()
    program = programs.start(ONE_CALL + "titan_sdk.flush(20)\nprint('up', flush=True)\nsignal.pause()")
    program.kill()
    program.wait(WITHIN_SECONDS)

    fake.start_again()
    programs.run(HEAD + "with action('next'):\n    pass\ntitan_sdk.flush()\ntime.sleep(0.5)")

    assert sorted(names(fake)) == ["call", "next"]
    assert list(programs.spool.iterdir()) == []


def test_a_program_continues_while_the_server_is_away_and_delivers_when_it_is_back(
    fake: FakeTitan, programs: Programs
) -> None:
    fake.stop()
    program = programs.start(ONE_CALL + "titan_sdk.flush(20)\nprint('up', flush=True)\nsignal.pause()")

    fake.start_again()

    wait_until(fake, lambda: names(fake) == ["call"])
    program.terminate()
    program.wait(WITHIN_SECONDS)
    assert run_ends(fake) == [("failed", "SIGTERM")]


def test_an_exit_waits_two_seconds_for_a_server_that_does_not_answer_and_keeps_the_rest(
    fake: FakeTitan, programs: Programs
) -> None:
    fake.takes_entries.clear()
    began = time.monotonic()

    done = programs.run(ONE_CALL)

    assert done.returncode == 0
    assert time.monotonic() - began < WITHIN_SECONDS
    kept = "".join(path.read_text() for path in programs.spool.iterdir())
    assert '"name":"call"' in kept
    assert '"end":"completed"' in kept


def test_forked_children_and_their_parent_report_their_own_actions(fake: FakeTitan, programs: Programs) -> None:
    text = f"""{HEAD}
with titan_sdk.run('A', 'A_1'):
    with action('parent'):
        titan_sdk.flush()
        child = os.fork()
        if not child:
            with action('child'):
                pass
            titan_sdk.flush(20)
            os._exit(0)
    os.waitpid(child, 0)
"""

    done = programs.run(text)

    assert (done.returncode, sorted(names(fake))) == (0, ["child", "parent"])
    by_name: dict[str, dict[str, Any]] = {each["name"]: each for each in fake.facts.entries if "name" in each}
    assert by_name["child"]["parent_id"] == by_name["parent"]["id"]
    assert run_ends(fake) == [("completed", None)]


def test_a_fork_while_the_server_hangs_holds_up_neither_and_loses_nothing(fake: FakeTitan, programs: Programs) -> None:
    text = f"""{HEAD}
def record(name):
    with action(name):
        pass
record('before')
time.sleep(0.3)
child = os.fork()
record('child' if child == 0 else 'parent')
if child:
    os.waitpid(child, 0)
"""
    fake.takes_entries.clear()
    began = time.monotonic()

    done = programs.run(text)

    assert (done.returncode, time.monotonic() - began < WITHIN_SECONDS) == (0, True)
    kept = "".join(path.read_text() for path in programs.spool.iterdir())
    assert all(f'"name":"{name}"' in kept for name in ("before", "child", "parent"))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_of_a_pool_report_their_actions(fake: FakeTitan, programs: Programs, method: str) -> None:
    text = f"""{HEAD}
import multiprocessing

@action
def work(number): return number

def main():
    with action('root'):
        pass
    context = multiprocessing.get_context('{method}')
    process = context.Process(target=work, args=(7,))
    process.start()
    process.join()

if __name__ == '__main__':
    main()
"""

    done = programs.run(text)

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(names(fake)) == ["root", "work"]


def test_a_full_disk_and_a_server_that_is_away_do_the_program_no_harm(fake: FakeTitan, programs: Programs) -> None:
    fake.stop()
    disk = programs.folder / "disk"
    text = HEAD + "for number in range(9):\n    with action('call') as act:\n        act.set_output('x' * 2_000_000)"

    with small_disk(disk, size_bytes=200_000):
        done = programs.run(text, {"TITAN_SPOOL": str(disk / "spool")})

    assert done.returncode == 0
    assert done.stderr.startswith("titan_sdk: recorded entries are lost")
    assert done.stderr.count("so far") <= 2  # each reason once: there is no room, nor time to find out about all


def test_a_folder_that_cannot_be_written_does_the_program_no_harm(fake: FakeTitan, programs: Programs) -> None:
    fake.stop()

    done = programs.run(ONE_CALL, {"TITAN_SPOOL": "/proc/none/spool"})

    assert done.returncode == 0
    assert done.stderr.startswith("titan_sdk: recorded entries are lost")


def test_a_program_records_nothing_if_recording_is_off(fake: FakeTitan, programs: Programs) -> None:
    done = programs.run(ONE_CALL + "titan_sdk.progress(1)\nassert titan_sdk.flush()", {"TITAN_RECORD": "0"})

    assert (done.returncode, fake.received) == (0, [])


@pytest.mark.parametrize("switch", ["TITAN_RECORD", "TITAN_RECORD_CODE"])
def test_a_switch_that_is_neither_on_nor_off_ends_the_program_before_its_first_call(
    fake: FakeTitan, programs: Programs, switch: str
) -> None:
    done = programs.run(ONE_CALL, {switch: "maybe"})

    assert (done.returncode, fake.received) == (1, [])
    assert done.stderr.splitlines()[-1] == (
        f"titan_sdk.errors.InvalidInput: setting {switch}: expected 1, true, yes or on, or 0, false, no, off or"
        " nothing; found 'maybe'. Correct it in the environment."
    )


def test_fields_that_the_environment_names_do_not_leave_the_process(fake: FakeTitan, programs: Programs) -> None:
    text = HEAD + "with action('call') as act:\n    act.set_input(iban='AT61', city='Graz')"

    programs.run(text, {"TITAN_REDACT_FIELDS": "iban, salary"})

    [call] = [each for each in fake.facts.entries if each["type"] == "action"]
    assert call["inputs"]["kwargs"] == {"iban": "[redacted:iban]", "city": "Graz"}
    assert call["is_redacted"] is True


PRIVATE = (
    HEAD
    + """
from titan_sdk import Redact
@action(redact=Redact(fields=["iban"]))
def pay(whom, iban): return whom
with titan_sdk.run("A", "A_1", name="for CUST-100001", tags=["CUST-100002"]):
    pay("CUST-100003", "AT611904")
    with titan_sdk.turn("about CUST-100004"):
        pass
with titan_sdk.run("A", "A_2"):
    raise ValueError("no CUST-100005")
"""
)


@pytest.mark.parametrize("is_away", [False, True])
def test_patterns_that_the_environment_names_leave_the_process_neither_to_the_server_nor_to_the_disk(
    fake: FakeTitan, programs: Programs, is_away: bool
) -> None:
    (programs.folder / "secrets.toml").write_text("customer = 'CUST-[0-9]{6}'")
    if is_away:
        fake.stop()

    programs.run(PRIVATE, {"TITAN_REDACT_PATTERNS": str(programs.folder / "secrets.toml")})

    kept = [path.read_text() for path in programs.spool.iterdir()] if is_away else []
    told = "".join([*kept, json.dumps(fake.facts.entries)])
    assert "CUST-1" not in told
    assert "AT611904" not in told
    assert told.count("[redacted:customer]") >= 6
    assert "[redacted:iban]" in told


def test_a_wrong_address_is_said_and_does_the_program_no_harm(programs: Programs) -> None:
    done = programs.run(ONE_CALL, {"TITAN_PORT": "none"})

    assert done.returncode == 0
    assert "TITAN_PORT" in done.stderr


def test_an_invalid_port_is_reported_before_the_lost_entries_are_counted_once(tmp_path: Path) -> None:
    ended = Programs(tmp_path, 0).run(ONE_CALL, {"TITAN_PORT": "seven"})

    assert ended.returncode == 0
    first, *counts = ended.stderr.splitlines()
    assert first == (
        "titan_sdk: what is recorded has nowhere to go: TITAN_PORT: expected a port number from 1 to 65535; found "
        "'seven'. Correct it. Nothing was sent."
    )
    assert counts[-1].startswith(
        ("titan_sdk: recorded entries are lost (3 so", "titan_sdk: recorded entries are lost: 3")
    )
