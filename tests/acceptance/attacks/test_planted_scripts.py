"""A job plants something under the name of a script that a later job of its run comes with."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.running_titan import RunningTitan
from titan_sdk import TitanClient, TitanJob

VICTIM = "print('the submitted one', __file__)"
OWN_FOLDER = f".script-{hashlib.sha256(VICTIM.encode()).hexdigest()[:16]}"

#: What is run with the name in `name`, the folder that its script would get of its own in `own`, and `outside`.
PLANTS = {
    "a link to a file": "os.symlink(outside + '/precious', name)",
    "a link to a file that is not there": "os.symlink(outside + '/new', name)",
    "a folder": "os.mkdir(name)",
    "a pipe": "os.mkfifo(name)",
    "another script": "open(name, 'w').write('print(\"the planted one\")')",
    "links for both": "os.symlink(outside + '/precious', name); os.symlink(outside, own)",
    "a link for the workspace": "os.chdir('..'); os.rename('shared', 'moved'); os.symlink(outside, 'shared')",
}


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("cold", [False, True])
def test_the_later_job_runs_its_own_script_and_nothing_is_written_elsewhere(
    titan: RunningTitan, tmp_path: Path, plant: str, cold: bool
) -> None:
    (tmp_path / "precious").write_text("precious")
    names = f"import os\nname, own, outside = 'victim.py', {OWN_FOLDER!r}, {str(tmp_path)!r}\n"
    jobs = [
        TitanJob("attacker", "attacker.py", script_content=names + PLANTS[plant]),
        TitanJob("victim", "victim.py", script_content=VICTIM, parents=["attacker"], cold=cold),
    ]

    with TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None) as client:
        status = client.wait(client.submit_dag("planted", jobs), timeout=60)
        printed = client.fetch_logs("victim")

    assert (status, printed.startswith("the submitted one")) == ("COMPLETED", True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"precious": "precious"}
