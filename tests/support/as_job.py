"""Runs a program as a job, in a workspace that holds the scripts it names.

python -m tests.support.as_job PROGRAM DAG    prints what it printed, and the DAG it submitted, as JSON
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from titan_sdk import TitanClient, TitanJob

FINISH_WITHIN_SECONDS = 60


def run_as_job(client: TitanClient, program: Path, env: Mapping[str, str] | None = None) -> str:
    """Run `program` as a job beside copies of its folder's scripts; return what it printed.

    Raises:
        AssertionError: it did not end well; the message is its log.
    """
    scripts = {
        str(path.relative_to(program.parent)): path.read_text("utf-8")
        for path in sorted(program.parent.rglob("*.py"))
        if path != program
    }
    prepare = f"""
import os
for name, text in {scripts!r}.items():
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
"""
    jobs = [
        TitanJob("prepare", "prepare.py", script_content=prepare),
        TitanJob("program", str(program), parents=["prepare"], env=env),
    ]
    accepted = client.submit_dag(f"{program.stem} as a job", jobs)
    if client.wait(accepted, timeout=FINISH_WITHIN_SECONDS) != "COMPLETED":
        raise AssertionError(client.fetch_logs("program"))
    return client.fetch_logs("program")


def main(program: str, dag: str) -> None:
    """Run a program as a job, wait for the DAG it submits, and print both as JSON."""
    client = TitanClient(announce=lambda _: None)
    printed = run_as_job(client, Path(program))
    client.wait(dag, timeout=FINISH_WITHIN_SECONDS)
    json.dump({"printed": printed, "dag": client.get_dag(dag)}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
