"""Programs in the original's manner, whose jobs hand each other files by the folder that their scripts lie in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.running_titan import RunningTitan
from titan_sdk import TitanClient, TitanJob

FINISH_WITHIN_SECONDS = 60
HERE = "import os, sys\nhere = os.path.join(os.path.dirname(os.path.abspath(__file__)), FOLDER)\n"

#: One writes numbers, two double one half each, the last one sums up.
PROGRAMS = {
    "split.py": "os.makedirs(here, exist_ok=True)\n"
    "for name in sys.argv[1:]:\n    open(os.path.join(here, name), 'w').write('1\\n2\\n3')",
    "double.py": "numbers = [int(line) for line in open(os.path.join(here, sys.argv[1]))]\n"
    "with open(os.path.join(here, sys.argv[2]), 'w') as doubled:\n    doubled.write(str(2 * sum(numbers)))",
    "total.py": "total = sum(int(open(os.path.join(here, name)).read()) for name in sys.argv[2:])\n"
    "open(os.path.join(here, sys.argv[1]), 'w').write(str(total))\nprint('total', total)",
}


@pytest.fixture
def client(titan: RunningTitan) -> TitanClient:
    return TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None)


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("folder", ["", "shared/"])
def test_jobs_hand_each_other_files_beside_their_scripts(
    titan: RunningTitan, client: TitanClient, tmp_path: Path, folder: str, cold: bool
) -> None:
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(HERE.replace("FOLDER", repr(folder)) + text)
    jobs = [
        TitanJob("split", str(tmp_path / "split.py"), args="a.txt b.txt", cold=cold),
        TitanJob("double-a", str(tmp_path / "double.py"), args="a.txt a2.txt", parents=["split"], cold=cold),
        TitanJob("double-b", str(tmp_path / "double.py"), args="b.txt b2.txt", parents=["split"], cold=cold),
        TitanJob(
            *("total", str(tmp_path / "total.py")),
            args="total.txt a2.txt b2.txt",
            parents=["double-a", "double-b"],
            cold=cold,
        ),
    ]

    with client:
        dag = client.submit_dag("beside", jobs)
        status = client.wait(dag, timeout=FINISH_WITHIN_SECONDS)
        printed = client.fetch_logs("total")
    listed = CommandLine(f"http://127.0.0.1:{titan.sdk_port}")("files", "--dag", "beside", "--json").document

    files = listed["files"]
    assert (status, printed) == ("COMPLETED", "total 24\n")
    assert isinstance(files, list)
    names = ("a.txt", "a2.txt", "b.txt", "b2.txt", "total.txt")
    assert {file["path"] for file in files} == {f"{folder}{name}" for name in names}


def test_stages_of_a_run_share_the_files_beside_their_scripts(client: TitanClient) -> None:
    here = HERE.replace("FOLDER", "''")
    write = here + "open(os.path.join(here, 'data.json'), 'w').write('{}')"
    read = here + "print(open(os.path.join(here, 'data.json')).read())"

    with client:
        for stage, text in (("first", write), ("second", read)):
            job = TitanJob(stage, f"{stage}.py", script_content=text)
            client.wait(client.submit_dag(f"BESIDE_{stage}", [job], agent_run_id="BESIDE_1"), timeout=60)
        printed = client.fetch_logs("second")

    assert printed == "{}\n"
