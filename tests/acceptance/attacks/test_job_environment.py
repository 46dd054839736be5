"""What a job sees of its worker's environment: the guide says it, and how to start a worker that shows nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support.processes import END_WITHIN_SECONDS, a_process
from tests.support.raw_http import ask
from tests.support.running_titan import running_titan
from tests.support.sources import PACKAGES
from titan_sdk import TitanClient, TitanJob

PRINTS = "import os\nprint(os.environ.get('OPENAI_API_KEY'), os.environ.get('TITAN_NOTIFY_SECRET'))"
SECRETS = {"OPENAI_API_KEY": "sk-of-the-server", "TITAN_NOTIFY_SECRET": "of the server"}


def test_a_job_sees_keys_that_titan_was_started_with_unless_its_worker_has_a_clean_environment(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", environment=SECRETS) as titan:
        url = f"http://127.0.0.1:{titan.sdk_port}"
        clean = ["env", "-i", f"PATH={os.environ['PATH']}", f"HOME={tmp_path}", f"PYTHONPATH={PACKAGES}"]
        join = [sys.executable, "-m", "titan.cli", "workers", "join", url, "--offer", "CLEAN:1"]
        with (
            a_process([*clean, *join], env={**os.environ, **SECRETS}) as worker,
            TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _line: None) as client,
        ):
            try:
                jobs = [
                    TitanJob("beside", "beside.py", script_content=PRINTS),
                    TitanJob("clean", "clean.py", script_content=PRINTS, requirement="CLEAN"),
                ]
                dag = client.submit_dag("look", jobs)
                assert client.wait(dag, timeout=60) == "COMPLETED"
            finally:
                worker.terminate()
                worker.wait(END_WITHIN_SECONDS)
        logs = [
            ask(titan.sdk_port, "GET", f"/api/jobs/{name}/log?dag={dag.dag_id}").body for name in ("beside", "clean")
        ]

    assert logs == [b"sk-of-the-server None\n", b"None None\n"]
