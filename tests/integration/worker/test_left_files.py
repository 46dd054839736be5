"""What attempts leave in their workspace reaches the server: a worker process against a scripted server."""

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.waiting import wait_until
from tests.support.worker_process import WorkerProcess
from tests.support.worker_server import WorkerServer
from titan.model.attempts import AttemptOutcome
from titan.wire.protocol import SMALL_CONTENT_BYTES

LIMIT_BYTES = 200_000
LIMIT_FILES = 5


@pytest.fixture
def server() -> Iterator[WorkerServer]:
    server = WorkerServer()
    yield server
    server.close()


@pytest.fixture
def worker(server: WorkerServer, tmp_path: Path) -> Iterator[WorkerProcess]:
    limits = {"TITAN_COLLECT_FILE_BYTES": str(LIMIT_BYTES), "TITAN_COLLECT_FILES": str(LIMIT_FILES)}
    with WorkerProcess(server.url, tmp_path / "home", "--name", "w1", environment=limits) as worker:
        yield worker


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def run(server: WorkerServer, script: str, **more: object) -> str:
    """Run a script to its reported end; return its lease."""
    lease = server.give(script, **more)
    server.wait_for_report(lease)
    return lease


def left(server: WorkerServer, lease: str) -> dict[str, bytes | str | None]:
    """Return path → content, or the reason why there is none, of what an attempt left."""
    files = server.files.get(lease, {})
    return {path: server.contents[file.digest] if file.digest else file.reason for path, file in files.items()}


def test_files_of_an_attempt_are_on_the_server_when_its_end_is_reported(
    server: WorkerServer, worker: WorkerProcess
) -> None:
    large = bytes(range(256)) * 512
    script = (
        "import os\nos.makedirs('a/b')\nopen('small.txt', 'w').write('hello')\nopen('a/b/empty', 'w')\n"
        "open('a/large.bin', 'wb').write(bytes(range(256)) * 512)"
    )

    lease = run(server, script)

    assert left(server, lease) == {"small.txt": b"hello", "a/b/empty": b"", "a/large.bin": large}
    assert len(large) > SMALL_CONTENT_BYTES
    noted = server.files[lease]["small.txt"]
    assert (noted.size_bytes, noted.digest) == (5, digest_of(b"hello"))
    assert abs((noted.modified_at - datetime.now(UTC)).total_seconds()) < 60


def test_an_attempt_that_failed_leaves_files_too(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = run(server, "open('trace.txt', 'w').write('so far')\nraise SystemExit(2)")

    assert server.reports[lease].outcome is AttemptOutcome.FAILED
    assert left(server, lease) == {"trace.txt": b"so far"}


def test_only_files_that_an_attempt_changed_are_its_own(server: WorkerServer, worker: WorkerProcess) -> None:
    first = run(server, "open('kept.txt', 'w').write('1')\nopen('added.txt', 'w').write('1')\nopen('gone.txt', 'w')")
    silent = run(server, "print(open('kept.txt').read())")
    second = run(
        server, "import os\nopen('added.txt', 'a').write('2')\nos.rename('gone.txt', 'moved.txt')\nopen('new.txt', 'w')"
    )

    assert left(server, first) == {"kept.txt": b"1", "added.txt": b"1", "gone.txt": b""}
    assert left(server, silent) == {}
    assert left(server, second) == {"added.txt": b"12", "moved.txt": b"", "new.txt": b""}


def test_a_restarted_worker_knows_which_files_are_old(server: WorkerServer, tmp_path: Path) -> None:
    with WorkerProcess(server.url, tmp_path / "home", "--name", "w1"):
        run(server, "open('old.txt', 'w').write('old')\nopen('both.txt', 'w').write('old')")
    with WorkerProcess(server.url, tmp_path / "home", "--name", "w1"):
        lease = run(server, "open('both.txt', 'w').write('new')")

    assert left(server, lease) == {"both.txt": b"new"}


def test_the_files_of_another_workspace_are_none_of_an_attempts(server: WorkerServer, worker: WorkerProcess) -> None:
    one = run(server, "open('one.txt', 'w').write('1')", workspace="run-A")
    two = run(server, "open('two.txt', 'w').write('2')", workspace="run-B")

    assert (left(server, one), left(server, two)) == ({"one.txt": b"1"}, {"two.txt": b"2"})


def test_links_sockets_and_devices_are_listed_and_never_followed(
    server: WorkerServer, worker: WorkerProcess, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    script = (
        "import os, socket, sys\noutside = sys.argv[1]\nos.symlink(outside + '/secret.txt', 'link.txt')\n"
        "os.symlink(outside, 'folder')\nos.symlink('nowhere', 'dangling')\nos.mkfifo('pipe')\n"
        "socket.socket(socket.AF_UNIX).bind('socket')\nos.makedirs('only/folders')\nopen('last.txt', 'w').write('x')"
    )
    lease = server.give(script, str(tmp_path / "outside"))
    server.wait_for_report(lease)

    link, other = "a symbolic link, which is not followed", "no regular file but a pipe, a socket or a device"
    assert left(server, lease) == {
        "link.txt": link,
        "folder": link,
        "dangling": link,
        "pipe": other,
        "socket": other,
        "last.txt": b"x",
    }
    assert b"secret" not in server.contents.values()


def test_a_workspace_that_became_a_link_is_not_read(
    server: WorkerServer, worker: WorkerProcess, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    swap = (
        "import os, sys\nhere = os.getcwd()\nopen('a', 'w')\nos.rename(here, here + '2')\nos.symlink(sys.argv[1], here)"
    )

    lease = server.give(swap, str(tmp_path / "outside"))
    server.wait_for_report(lease)
    after = run(server, "print('runs')")

    assert left(server, lease) == {}
    assert left(server, after) == {}
    assert b"secret" not in server.contents.values()


def test_names_that_are_no_text_are_shown_as_text(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = run(server, r"open(b'caf\xe9.txt', 'w').write('1'); open('tab\t\n.txt', 'w'); open('grün ♥.txt', 'w')")

    assert left(server, lease) == {r"caf\xe9.txt": b"1", r"tab\x09\x0a.txt": b"", "grün ♥.txt": b""}


def test_odd_times_and_permissions_hinder_nothing(server: WorkerServer, worker: WorkerProcess) -> None:
    script = (
        "import os\nfor name, time in (('old', -10**9), ('late', 10**10)):\n"
        "    open(name, 'w').write(name)\n    os.utime(name, (time, time))\n    os.chmod(name, 0o400)"
    )

    lease = run(server, script)

    assert left(server, lease) == {"old": b"old", "late": b"late"}
    assert {file.modified_at.year for file in server.files[lease].values()} == {1970, 2286}


def test_compiled_python_files_are_not_collected(server: WorkerServer, worker: WorkerProcess) -> None:
    lease = run(server, "import sys\nsys.path.insert(0, '.')\nopen('helper.py', 'w').write('x = 1')\nimport helper")

    assert left(server, lease) == {"helper.py": b"x = 1"}


def test_larger_and_more_files_than_the_limits_are_listed_without_content(
    server: WorkerServer, worker: WorkerProcess
) -> None:
    lease = run(
        server,
        f"open('0 huge', 'wb').truncate({LIMIT_BYTES} + 1)\n"
        f"for number in range(1, {LIMIT_FILES} + 2): open(str(number), 'w').write('x')",
    )

    assert left(server, lease) == {
        "0 huge": "larger than 200000 bytes (TITAN_COLLECT_FILE_BYTES)",
        **{str(number): b"x" for number in range(1, LIMIT_FILES)},
        "5": "more than 5 files (TITAN_COLLECT_FILES)",
        "6": "more than 5 files (TITAN_COLLECT_FILES)",
    }
    assert server.files[lease]["0 huge"].size_bytes == LIMIT_BYTES + 1


def test_content_that_the_server_has_is_not_sent_again(server: WorkerServer, worker: WorkerProcess) -> None:
    script = "open(NAME, 'wb').write(b'x' * 100_000)"
    run(server, script.replace("NAME", "'one'"))
    lease = run(server, script.replace("NAME", "'two'"))

    assert left(server, lease) == {"two": b"x" * 100_000}
    assert server.contents_sent == [digest_of(b"x" * 100_000)]


def test_a_note_and_a_content_that_got_lost_are_sent_again(server: WorkerServer, worker: WorkerProcess) -> None:
    server.drop_next |= {"files", "content"}

    lease = run(server, "open('large', 'wb').write(b'x' * 100_000)")

    assert left(server, lease) == {"large": b"x" * 100_000}


def test_files_of_an_attempt_that_was_lost_are_nobodys(server: WorkerServer, worker: WorkerProcess) -> None:
    lost = server.give("import time\nopen('half.txt', 'w').write('half')\nprint('ready', flush=True)\ntime.sleep(600)")
    server.wait_for_output(lost, "ready")

    server.lose(lost)
    again = run(server, "open('whole.txt', 'w').write('whole')")

    assert left(server, lost) == {}
    assert left(server, again) == {"whole.txt": b"whole"}


def test_a_file_that_another_attempt_still_writes_is_collected_whole_at_its_end(
    server: WorkerServer, worker: WorkerProcess
) -> None:
    slow = server.give(
        "import os, time\nfile = open('slow.txt', 'w')\nfile.write('a')\nfile.flush()\nprint('ready', flush=True)\n"
        "while not os.path.exists('go'): time.sleep(0.01)\nfile.write('b')"
    )
    server.wait_for_output(slow, "ready")

    quick = run(server, "open('quick.txt', 'w').write('q')")
    go = run(server, "open('go', 'w')")
    server.wait_for_report(slow)

    assert left(server, quick)["quick.txt"] == b"q"
    assert "go" in left(server, go)
    assert left(server, slow)["slow.txt"] == b"ab"


def test_a_large_collection_holds_up_no_other_job(server: WorkerServer, worker: WorkerProcess) -> None:
    server.holds_contents = True
    large = server.give("open('large', 'wb').write(b'x' * 100_000)")
    wait_until(lambda: server.contents_on_hold == 1, "the content is on its way")

    other = run(server, "print('quick')", workspace="run-other")

    assert server.reports[other].outcome is AttemptOutcome.SUCCEEDED
    assert large not in server.reports
    server.release_contents()
    server.wait_for_report(large)


@pytest.mark.slow
def test_an_end_is_reported_within_ten_seconds_and_its_files_follow(
    server: WorkerServer, worker: WorkerProcess
) -> None:
    server.holds_contents = True

    lease = run(server, "open('large', 'wb').write(b'x' * 100_000)")
    listed_at_the_end = dict(server.files[lease])
    server.release_contents()

    assert server.contents_sent == []
    assert list(listed_at_the_end) == ["large"]
    wait_until(lambda: bool(server.contents_sent), "the content follows")


def test_an_unreadable_server_answer_to_a_note_lets_the_report_go(server: WorkerServer, worker: WorkerProcess) -> None:
    server.refuses_files = True

    lease = run(server, "open('note.txt', 'w')")

    assert server.reports[lease].outcome is AttemptOutcome.SUCCEEDED
    assert left(server, lease) == {}


def test_ten_thousand_old_files_make_no_job_slow_and_hide_no_new_one(
    server: WorkerServer, worker: WorkerProcess
) -> None:
    run(server, "import os\nos.mkdir('many')\nfor number in range(10_000): open(f'many/{number}', 'w')")

    writer = run(server, "open('new.txt', 'w').write('new')\nopen('many/77', 'a').write('more')")
    # Due 20 times as long after the first full look as that one took: 1 s for it where everybody wants the processor.
    what = "the full look finds what changed among the old ones"
    wait_until(lambda: len(left(server, writer)) == 2, what, seconds=120)

    assert left(server, writer) == {"new.txt": b"new", "many/77": b"more"}
    assert os.listdir(worker.home / "workers" / "w1" / "collecting") == []
