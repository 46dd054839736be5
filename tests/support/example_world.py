"""The world that the examples of `titan --help` speak of: a DAG `nightly`, its job `train`, the run RESEARCH_cb5e13."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from tests.support.evaluations import CANCELLED
from tests.support.raw_http import ask_json
from tests.support.running_titan import RunningTitan
from tests.support.sources import ROOT
from tests.support.tau2 import a_checkout
from tests.unit.world.a_shop import DEFINITION
from titan_sdk import TitanClient, TitanJob
from titan_sdk.recording.delivery import Spool

RUN: Final = "RESEARCH_cb5e13"
PAPERS: Final = "PAPERS_cb5e13"
WEATHER: Final = "WEATHER_5f2c1a"

_TRAIN: Final = """\
import json, os, pathlib, sys
from titan_sdk import set_result
if "--flaky" in sys.argv and not pathlib.Path("tried").exists():
    pathlib.Path("tried").touch()
    raise SystemExit("the first attempt fails")
os.makedirs("model", exist_ok=True)
pathlib.Path("model/weights.bin").write_bytes(bytes(1000))
pathlib.Path("metrics.json").write_text(json.dumps({"loss": 0.25}))
if "TITAN_JOB_ID" in os.environ:
    set_result({"accuracy": 0.9})
"""
_AGENT: Final = f"""\
import os
from titan_sdk import TitanClient, TitanJob
client = TitanClient()
plan = TitanJob("plan", "plan.py", args=[os.path.abspath("broken")])
client.wait(client.submit_dag("{RUN}_PLAN", [plan], agent_run_id="{RUN}"))
"""
_WEATHER: Final = f"""\
import titan_sdk
@titan_sdk.action(kind="tool", cost="0.01")
def forecast(city):
    return {{"city": city, "rain": len(city) % 2 == 0}}
with titan_sdk.run("WEATHER", "{WEATHER}"):
    print([forecast(city) for city in ("Vienna", "Graz")])
"""
_SHOP_AGENT: Final = """\
import titan_sdk
@titan_sdk.action(kind="tool")
def cancel_order(order_id):
    raise SystemExit("this is the real shop")
print(cancel_order(order_id="O1"))
"""
SCRIPTS: Final = {
    **dict.fromkeys(
        (
            "a.py",
            "b.py",
            "sum.py",
            "extract.py",
            "report.py",
            "hello.py",
            "draft.py",
            "send.py",
            "jobs/run.py",
            "etl/run.py",
        ),
        "pass",
    ),
    "train.py": _TRAIN,
    "broken.py": "raise SystemExit(1)",
    "plan.py": "import os, sys\nsys.exit(os.path.exists(sys.argv[1]))",
    "agent.py": _AGENT,
    "weather.py": _WEATHER,
    "shop_agent.py": _SHOP_AGENT,
    "config.json": "{}",
}


SUITE: Final = """\
workflow: lamp
world: {name: lamp, tools: [{name: switch_on, effects: [{op: set_flag, flags: [lit]}]}]}
agents: {patient: {kind: http, url: "https://agent.example/run"}}
tasks: [{id: light, odyssey_seed: {user_instruction: Switch the lamp on.}, scorers: [{type: flag_set, flag: lit}]}]
"""


@dataclass(frozen=True, slots=True)
class ExampleWorld:
    """A server, and the folder of somebody who types."""

    titan: RunningTitan
    folder: Path
    shell: Mapping[str, str]  #: the environment in which `titan` is found
    inherited: tuple[int, ...]  #: the descriptors that `titan` needs

    @property
    def client(self) -> TitanClient:
        """A client of the server."""
        return TitanClient("127.0.0.1", self.titan.sdk_port)

    def gpu_box(self) -> None:
        """Have a worker `gpu-box` be here, which asks for no work."""
        body = {"name": "gpu-box", "host": "elsewhere", "pid": 1, "offers": {"GPU": 1}, "version": "0"}
        assert ask_json(self.titan.sdk_port, "PUT", "/api/workers/gpu-box", body).status == 200

    @property
    def environment(self) -> dict[str, str]:
        """What the typed commands find around them; `titan` is the one of this environment."""
        home = {"TITAN_HOME": str(self.titan.home), "HOME": str(self.folder)}
        return {**os.environ, **self.titan.environment, **home, **self.shell, "TITAN_MODEL": "none"}

    def type(self, command: str) -> str:
        """Type a command that ends well into a shell, and return its output."""
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            pass_fds=self.inherited,
            timeout=120,
        ).stdout

    def write_scripts(self) -> None:
        """Write the scripts that examples name."""
        for name, text in SCRIPTS.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")

    def put_values(self) -> None:
        """Put what examples of the store read."""
        client = self.client
        client.store_put("greeting", "hello")
        client.store_put("pages", 41)
        client.store_put("budget", 41)
        client.store_put("research:cb5e13:plan", '{"subtopics": []}')
        client.store_put("research:cb5e13:report", "# Report")

    def job(self, name: str, script: str, **fields: object) -> TitanJob:
        """Return a job that runs one of the scripts."""
        return TitanJob(name, str(self.folder / script), **fields)  # type: ignore[arg-type]  # as the test has them

    def nightly(self, *, train: str = "train.py", requirement: str = "GENERAL", ends: bool = True) -> None:
        """Submit the DAG nightly, and wait for its end where it has one."""
        jobs = [
            self.job("extract", "extract.py"),
            self.job("train", train, args=["--flaky"], parents=["extract"], retries=1, requirement=requirement),
        ]
        dag = self.client.submit_dag("nightly", jobs)
        if ends:
            self.client.wait(dag, timeout=60)

    def draft(self) -> None:
        """Submit a DAG nightly whose job `draft` waits for approval, and wait until it does."""
        self.client.submit_dag("nightly", [self.job("draft", "report.py", hitl_message="Send it?")])
        self.client.wait("draft", timeout=60)

    def papers(self, *, ends: bool = True) -> None:
        """Record two more calls of the run PAPERS_cb5e13, of which one fails, and its end where it has one."""
        at = time.time_ns()
        call = {"type": "action", "id": str(at), "name": "search", "started_at_ns": at, "ended_at_ns": at}
        failed = {**call, "id": f"{at}-failed", "name": "fetch", "outcome": "error"}
        entries = [call, failed, *([{"type": "run", "at_ns": at, "end": "completed"}] if ends else [])]
        body = {"run_id": PAPERS, "agent_id": "PAPERS", "entries": entries}
        assert ask_json(self.titan.sdk_port, "POST", "/api/v1/actions", body).status == 200

    def twin(self) -> None:
        """Record a run that did as much as RESEARCH_cb5e13 did: no call of its own."""
        end = {"type": "run", "at_ns": time.time_ns(), "end": "completed"}
        body = {"run_id": "RESEARCH_d1aa07", "agent_id": "RESEARCH", "entries": [end]}
        assert ask_json(self.titan.sdk_port, "POST", "/api/v1/actions", body).status == 200

    def weather(self) -> None:
        """Have a run be recorded whose program is here, and exported."""
        if not (self.folder / "weather.jsonl").exists():
            command = f"python weather.py && titan runs export --run {WEATHER} -o weather.jsonl"
            self.type(command)

    def orders(self) -> None:
        """Have the workflow orders be here, whose task cancel-1 asks for an order to be cancelled."""
        path = "/api/projects/default/workflows/orders"
        task = {"id": "cancel-1", "odyssey_seed": {"user_instruction": "Cancel my order O1."}, "scorers": [CANCELLED]}
        for method, target, body in (
            ("PUT", path, {"definition": {"world": DEFINITION}}),
            ("POST", f"{path}/tasks", {"tasks": [task]}),
        ):
            assert ask_json(self.titan.sdk_port, method, target, body).status == 200

    def worlds(self) -> None:
        """Have the shipped shop be here, with two of its tasks."""
        shop = self.folder / "examples" / "worlds" / "shop"
        if not shop.exists():
            shutil.copytree(ROOT / "examples" / "worlds" / "shop", shop)
            tasks = msgspec.yaml.decode((shop / "tasks.yaml").read_bytes())
            some = [task for task in tasks if task["id"] in ("open-orders", "cancel-order")]
            (shop / "tasks.yaml").write_bytes(msgspec.yaml.encode(some))

    def evaluated(self) -> None:
        """Have two agents of the shop been tried on a task."""
        path = "/api/projects/default/workflows/shop/agent-runs"
        known = ask_json(self.titan.sdk_port, "GET", path).value.get("agent_runs", [])
        if not {"reference", "gives-up"} <= {run["field"] for run in known if run["task_id"] == "cancel-order"}:
            self.worlds()
            self.type("titan eval examples/worlds/shop --task cancel-order --agent reference --agent gives-up")

    def tasks(self) -> None:
        """Have the shop's tasks be registered, and files with some."""
        self.worlds()
        self.type("titan apply examples/worlds/shop/suite.yaml")
        (self.folder / "more.csv").write_text("id,user_instruction\nmore,Where is O1?\n")
        (self.folder / "tasks.jsonl").write_text(
            '{"id": "more", "odyssey_seed": {"user_instruction": "Where is O2?"}}\n'
        )

    def suite(self) -> None:
        """Have a suite be here."""
        (self.folder / "suite.yaml").write_text(SUITE)

    def tau2(self) -> None:
        """Have a checkout of tau2-bench be here."""
        if not (self.folder / "tau2-bench").exists():
            a_checkout(self.folder / "tau2-bench", "retail", "airline")

    def cut_export(self) -> None:
        """Have an export be here whose last line is missing."""
        command = "titan runs export | head -1 > cut.jsonl"
        self.type(command)

    def export(self) -> None:
        """Have an export be here."""
        if not (self.folder / "week.jsonl").exists():
            self.type("titan runs export --output week.jsonl")

    def left_behind(self) -> None:
        """Have something wait for a server that has moved."""
        call = {
            "type": "action",
            "id": "w1",
            "run_id": "WAITS_1",
            "name": "wait",
            "started_at_ns": 1_700_000_000 * 10**9,
        }
        Spool(str(self.folder / ".titan" / "spool" / "old-host_9090")).add([json.dumps(call)])

    def research(self, *, is_broken: bool = False) -> None:
        """Have the agent's program submit its stage; it ends with the program."""
        broken = self.folder / "broken"
        if is_broken:
            broken.touch()
        subprocess.run([sys.executable, "agent.py"], cwd=self.folder, env=self.environment, check=True, timeout=120)
        broken.unlink(missing_ok=True)
