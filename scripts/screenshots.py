"""Take the pictures of docs/console/: `python -m scripts.screenshots`. A real Titan, jobs and Chromium."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from benchmarks.chromium import chromium
from benchmarks.titan_server import RunningTitan, running_titan
from scripts.pictured_runs import FAILED, RUN, SECOND_TRY, feed_runs
from titan_sdk import TitanClient, TitanJob

PICTURES: Final = Path(__file__).resolve().parent.parent / "docs" / "console"
DARK_TOO: Final = ("agents", "dag", "trace")
SETTLE_SECONDS: Final = 1.5  # for what a page loads after its first rows

WORK: Final = """\
import random, sys, time
random.seed(sys.argv[1])
for step in range(1, 6):
    print(f"\\x1b[2m[{step}/5]\\x1b[0m reading about \\x1b[36m{sys.argv[1]}\\x1b[0m", flush=True)
    time.sleep(random.random() * float(sys.argv[2]))
open(f"result_{sys.argv[1]}.md", "w").write(f"# {sys.argv[1]}\\n\\n- one finding\\n- another one\\n")
print("\\x1b[32mdone\\x1b[0m")
"""


def main() -> int:
    """Feed a Titan, and take every picture anew."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_titan(Path(folder)) as titan:
        feed(titan.client())
        feed_runs(titan.client())
        with chromium() as browser:
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport={"width": 1440, "height": 860}, color_scheme=scheme)
                take(page, titan, "-dark" if scheme == "dark" else "")
            phone = browser.new_page(viewport={"width": 390, "height": 780}, color_scheme="light")
            shoot(phone, titan, "/approvals", "approvals-phone")
    return 0


def take(page: Page, titan: RunningTitan, ending: str) -> None:
    """Take the picture of each page in one colour scheme; the dark ones of a few pages only."""
    paths = {"home": "/", "agents": "/agents", "dag": "/dags/DAG-nightly?job=train", "log": "/logs/train"}
    more = {
        "dags": "/dags",
        "timeline": "/dags/DAG-nightly?view=timeline",
        "approvals": "/approvals",
        "workers": "/workers",
        "store": "/store?key=research%3Acb5e13%3Aplan",
        "settings": "/settings",
        "runs": "/runs",
        "telemetry": f"/runs/{FAILED}?tab=telemetry&action=parse",
        "trace": f"/runs/{FAILED}?tab=trace",
        "live": f"/runs/{RUN}?tab=trace",
        "compare": f"/runs/compare?a={FAILED}&b={SECOND_TRY}",
        "ledger": "/ledger",
        "agent": "/registry/shop-assistant",
    }
    for name, path in {**paths, **more}.items():
        if not ending or name in DARK_TOO:
            shoot(page, titan, path, name + ending)


def shoot(page: Page, titan: RunningTitan, path: str, name: str) -> None:
    """Open a page, let it settle, and keep its picture."""
    page.goto(f"http://127.0.0.1:{titan.port}{path}")
    page.wait_for_selector("main h1")
    time.sleep(SETTLE_SECONDS)
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"{name}.png", flush=True)


def feed(client: TitanClient) -> None:
    """Run what the pictures show: agents at work, a pipeline, a gate, a job that nobody can run."""
    for run in ("RESEARCH_1a9ac3", "DIGEST_77ff01"):
        for stage, jobs in stages():
            client.wait(client.submit_dag(f"{run}_{stage}", jobs, agent_run_id=run), timeout=60)
    client.submit_dag("train_gpu", [job("train-large", "gpu", requirement="GPU")])
    broken = TitanJob("load", "load.py", script_content="raise SystemExit('no such table: sales')")
    client.wait(client.submit_dag("import", [job("fetch", "fetch"), broken]), timeout=60)
    pipeline = [
        job("extract", "extract"),
        *(job(f"clean-{part}", f"part-{part}", parents=["extract"]) for part in range(4)),
        job("train", "training", parents=[f"clean-{part}" for part in range(4)], hitl_message="Publish this model?"),
        job("publish", "publish", parents=["train"]),
    ]
    client.submit_dag("nightly", pipeline)
    client.wait("train", timeout=60)
    for stage, jobs in stages()[:2]:
        client.wait(client.submit_dag(f"{RUN}_{stage}", jobs, agent_run_id=RUN), timeout=60)
    client.store_put("research:cb5e13:plan", '{"subtopics": ["batteries", "grids", "prices"], "workers": 3}')
    client.store_put("research:cb5e13:planner:done", "1")
    client.submit_dag(
        f"{RUN}_ITER2", [job(f"researcher-2-{n}", f"gap-{n}", pace=60.0) for n in range(3)], agent_run_id=RUN
    )


def stages() -> list[tuple[str, list[TitanJob]]]:
    """Return the stages of an agent."""
    return [
        ("PLAN", [job("planner", "plan")]),
        ("ITER1", [job(f"researcher-1-{n}", f"topic-{n}") for n in range(4)]),
        ("EVAL1", [job("evaluator-1", "evaluate")]),
        ("SYNTH", [job("synthesizer", "report")]),
    ]


def job(name: str, topic: str, *, pace: float = 0.1, **fields: object) -> TitanJob:
    """Return a job that works on a topic for a while."""
    more: dict[str, object] = {"args": [topic, pace], "script_content": WORK, **fields}
    return TitanJob(name, "work.py", **more)  # type: ignore[arg-type]  # as this file has them


if __name__ == "__main__":
    sys.exit(main())
