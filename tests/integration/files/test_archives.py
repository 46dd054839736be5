"""Jobs whose script lies in an uploaded zip: run as they are, each attempt in a copy of its own; or refused whole."""

from __future__ import annotations

import stat
import struct
from typing import Any

import pytest

from tests.support.raw_http import Answer, a_key, ask, ask_json
from tests.support.running_titan import RunningTitan
from tests.support.stored_facts import stored_facts
from tests.support.submissions import a_name
from tests.support.zips import a_zip, marked_encrypted
from titan_sdk import TitanClient

PROJECT = {
    "src/": "",
    "src/main.py": "import sys\nfrom helper import read\nprint(sys.argv[1:], read())\n",
    "src/helper.py": "def read():\n    with open('data/words.txt') as words:\n        return words.read()\n",
    "src/data/words.txt": "from the zip",
    "README.md": "# a project",
}


def upload(port: int, content: bytes) -> str:
    """Upload a zip under a name of its own; return the name."""
    name = f"{a_name('project')}.zip"
    assert ask(port, "PUT", f"/api/files/{name}", content, a_key()).status == 201
    return name


def submit(port: int, *jobs: dict[str, Any]) -> Answer:
    return ask_json(port, "POST", "/api/dags", {"name": a_name("dag"), "jobs": jobs}, a_key())


def a_job(archive: str, filename: str = "src/main.py", **more: Any) -> dict[str, Any]:
    return {"id": a_name("job"), "archive": archive, "filename": filename, **more}


def outcome(client: TitanClient, port: int, job: dict[str, Any]) -> tuple[str, str]:
    """Submit one job and wait for it; return its status and its output."""
    answer = submit(port, job)
    assert answer.status == 201, answer.body
    client.wait(answer.value["dag_id"], timeout=60)
    status = ask(port, "GET", f"/api/jobs/{job['id']}").value["status"]
    return status, ask(port, "GET", f"/api/jobs/{job['id']}/log").body.decode()


def files_of(port: int, job: dict[str, Any]) -> dict[str, str]:
    """Return path → place of what a job left."""
    return {file["path"]: file["place"] for file in ask(port, "GET", f"/api/jobs/{job['id']}/files").value["files"]}


def test_a_project_runs_with_its_modules_its_data_and_its_arguments(client: TitanClient, port: int) -> None:
    job = a_job(upload(port, a_zip(PROJECT)), args=["a b", "c|d", ""])

    assert outcome(client, port, job) == ("COMPLETED", "['a b', 'c|d', ''] from the zip\n")
    assert files_of(port, job) == {}


@pytest.mark.parametrize("cold", [False, True])
def test_the_script_sees_its_own_folder_first(client: TitanClient, port: int, cold: bool) -> None:
    text = (
        "import os, sys\nhere = os.path.dirname(__file__)\nprint(sys.path[0] == here == os.getcwd(), os.listdir('..'))"
    )

    job = a_job(upload(port, a_zip({"src/main.py": text})), cold=cold)

    assert outcome(client, port, job) == ("COMPLETED", "True ['src']\n")


def test_files_left_beside_the_script_and_in_the_workspace_are_collected(client: TitanClient, port: int) -> None:
    text = (
        "import os\nopen('out.txt', 'w').write('own')\nopen('data.txt', 'a').write('more')\n"
        "open(os.environ['TITAN_WORKSPACE'] + '/shared.txt', 'w').write('shared')"
    )
    job = a_job(upload(port, a_zip({"src/main.py": text, "src/data.txt": "old", "src/kept.txt": ""})))

    status, _ = outcome(client, port, job)
    files = ask(port, "GET", f"/api/jobs/{job['id']}/files").value["files"]

    assert status == "COMPLETED"
    assert files_of(port, job) == {"src/out.txt": "archive", "src/data.txt": "archive", "shared.txt": "workspace"}
    contents = {file["path"]: ask(port, "GET", f"/api/blobs/{file['digest']}").body for file in files}
    assert contents == {"src/out.txt": b"own", "src/data.txt": b"oldmore", "shared.txt": b"shared"}


def test_attempts_of_one_archive_do_not_disturb_each_other(
    client: TitanClient, port: int, running: RunningTitan
) -> None:
    text = (
        "import os, time\nopen('mine.txt', 'a').write(os.environ['TITAN_JOB_NAME'])\n"
        "open(os.environ['TITAN_WORKSPACE'] + '/' + os.environ['TITAN_JOB_NAME'], 'w')\n"
        "while len(os.listdir(os.environ['TITAN_WORKSPACE'])) < 3: time.sleep(0.01)\nprint(open('mine.txt').read())"
    )
    archive = upload(port, a_zip({"src/main.py": text}))
    jobs = [a_job(archive) for _ in range(3)]

    answer = submit(port, *jobs)
    client.wait(answer.value["dag_id"], timeout=60)

    for job in jobs:
        assert ask(port, "GET", f"/api/jobs/{job['id']}/log").body.decode() == f"{job['id']}\n"
        assert files_of(port, job)["src/mine.txt"] == "archive"
    assert len(list((running.home / "worker" / "blobs").glob("*"))) >= 1


def test_shell_scripts_and_executables_run(client: TitanClient, port: int) -> None:
    files = {"run.sh": './tools/hello "$@"\n', "tools/hello": '#!/bin/sh\necho hello "$1"\n', "tools/plain": ""}
    content = a_zip(files, modes={"tools/hello": 0o100755, "tools/plain": 0o100644})

    assert outcome(client, port, a_job(upload(port, content), "run.sh", args=["a b"])) == ("COMPLETED", "hello a b\n")


def test_a_later_upload_of_the_name_changes_nothing(client: TitanClient, port: int) -> None:
    name = upload(port, a_zip({"src/main.py": "print('first')"}))
    parent = a_job(name, id=a_name("parent"))
    child = a_job(name, parents=[parent["id"]], delay_ms=200)

    answer = submit(port, parent, child)
    assert ask(port, "PUT", f"/api/files/{name}", a_zip({"src/main.py": "print('second')"}), a_key()).status == 201
    client.wait(answer.value["dag_id"], timeout=60)

    assert ask(port, "GET", f"/api/jobs/{child['id']}/log").body == b"first\n"


def test_a_failing_script_shows_its_own_lines(client: TitanClient, port: int) -> None:
    job = a_job(upload(port, a_zip({"src/main.py": "import helper", "src/helper.py": "1 / 0"})))

    status, output = outcome(client, port, job)

    assert status == "FAILED"
    assert 'src/helper.py", line 1' in output
    assert output.endswith("ZeroDivisionError: division by zero\n")


def test_a_file_that_is_damaged_in_the_zip_fails_the_job_with_its_name(client: TitanClient, port: int) -> None:
    content = bytearray(a_zip({"src/main.py": "print('never')", "src/data": "x" * 1000}, level=0))
    content[content.index(b"xxxx")] ^= 1

    job = a_job(upload(port, bytes(content)))

    assert outcome(client, port, job)[0] == "FAILED"
    assert "src/data" in ask(port, "GET", f"/api/jobs/{job['id']}").value["reason"]


# --- what is refused ---

LINK = stat.S_IFLNK | 0o777
REFUSED: dict[str, tuple[bytes, str]] = {
    "no zip": (b"print('a script')", "a zip file that can be unpacked"),
    "half a zip": (a_zip(PROJECT)[:-30], "a zip file that can be unpacked"),
    "no such script": (a_zip({"main.py": "", "lib/other.py": ""}), "the script 'src/main.py'"),
    "a folder of that name": (a_zip({"src/main.py/": "", "src/main.py/x": ""}), "the script 'src/main.py'"),
    "an absolute path": (a_zip({"src/main.py": "", "/etc/cron.d/x": ""}), "safe relative paths"),
    "a way up": (a_zip({"src/main.py": "", "src/../../x": ""}), "safe relative paths"),
    "a backslash": (a_zip({"src/main.py": "", "src\\..\\x": ""}), "safe relative paths"),
    "a link": (a_zip({"src/main.py": "", "link": "/etc"}, modes={"link": LINK}), "files and folders only"),
    "a device": (
        a_zip({"src/main.py": "", "null": ""}, modes={"null": stat.S_IFCHR | 0o666}),
        "files and folders only",
    ),
    "encrypted": (marked_encrypted(a_zip({"src/main.py": ""})), "no encrypted entries"),
    "a file where a folder is": (a_zip({"src/main.py": "", "src": ""}), "a name for a file or for a folder"),
    "too many entries": (
        a_zip({"src/main.py": "", **{f"f{number}": "" for number in range(20_000)}}),
        "at most 20000 entries",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_archive_that_cannot_be_run_is_refused_and_nothing_stored(running: RunningTitan, case: str) -> None:
    content, expected = REFUSED[case]
    name = upload(running.sdk_port, content)
    before = stored_facts(running.home)

    answer = submit(running.sdk_port, a_job(name))

    assert answer.refusal == (400, "InvalidInput")
    assert name in answer.message
    assert expected in answer.message
    assert stored_facts(running.home) == before


def test_a_zip_bomb_is_refused_by_its_unpacked_size(port: int) -> None:
    bomb = a_zip({"src/main.py": "", **{f"zeros{number}": bytes(1024 * 1024) for number in range(2)}})
    sizes = struct.pack("<I", 1024 * 1024), struct.pack("<I", 600 * 1024 * 1024)  # as a zip of 1.2 GiB of zeros says

    answer = submit(port, a_job(upload(port, bomb.replace(*sizes))))

    assert answer.refusal == (400, "InvalidInput")
    assert "at most 1073741824 bytes when unpacked" in answer.message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"archive": "nowhere.zip"}, "an archive 'nowhere.zip' among the uploaded files"),
        ({"script": "0" * 64}, "a filename, and a script or an archive"),
        ({"filename": ""}, "a filename, and a script or an archive"),
        ({"filename": "../main.py"}, "without . and .."),
        ({"filename": "/main.py"}, "relative path"),
        ({"kind": "gate", "hitl_message": "Go on?"}, "a gate without a script"),
    ],
)
def test_a_job_that_cannot_be_meant_is_refused(running: RunningTitan, fields: dict[str, Any], expected: str) -> None:
    name = upload(running.sdk_port, a_zip(PROJECT))
    before = stored_facts(running.home)

    answer = submit(running.sdk_port, a_job(name) | fields)

    assert answer.status == 400
    assert expected in answer.message
    assert stored_facts(running.home) == before
