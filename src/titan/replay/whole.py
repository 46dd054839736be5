"""Execute a whole run, its orchestrator or its stored stages, with a separate Titan server.

`python -m titan.replay.whole PLAN` starts a server in a folder of its own with an empty store, which the program and
its jobs reach instead of the one that they were recorded with. Their calls are answered from the recording; stages,
the store, signals, artifacts and gates work as always, and nothing outside of that folder knows of them.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

import msgspec

from titan.replay.orders import STAGE_VALUE, STAGES_FILE, Decided, StoredDag, StoredStages, WholePlan
from titan_sdk import TitanClient, TitanError
from titan_sdk.stages import replayed_environment

SLOTS: Final = 16  # of each label: no stage waits for another, as long as fewer jobs ran side by side
LOOK_SECONDS: Final = 0.2
START_SECONDS: Final = 180.0
SETTLE_SECONDS: Final = 120.0  # for jobs that go on when the program has ended
END_SECONDS: Final = 30.0


def main() -> int:
    """Execute the run in the argument, and return the exit code of its program."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=WholePlan)
    stages = msgspec.json.decode(Path(plan.stages, STAGES_FILE).read_bytes(), type=StoredStages)
    model = _written_model(Path(plan.environment["TITAN_REPLAY"]), stages.model, Path(plan.home))
    with _server(Path(plan.home), stages.labels, model) as (host, port):
        client = TitanClient(host, port, announce=lambda _: None)
        own = {"TITAN_HOST": host, "TITAN_PORT": str(port), "TITAN_HOME": plan.home}
        with _gates_decided(client, stages.gates):
            if plan.submits:
                exit_code = _submit_all(client, stages, Path(plan.stages), plan.environment | own)
            else:
                exit_code = subprocess.run(plan.command, env=plan.environment | own, check=False).returncode
            _await_jobs(client)
    return exit_code


@contextmanager
def _server(home: Path, labels: Sequence[str], model: str) -> Iterator[tuple[str, int]]:
    """Run a server and its worker during the block; yield the server's address."""
    offers = [word for label in labels for word in ("--offer", f"{label}:{SLOTS}")] or ["--no-worker"]
    command = [sys.executable, "-m", "titan.cli", "up", "--home", str(home), "--port", "0", "--sdk-port", "0"]
    settings = {"TITAN_MODEL": model, "TITAN_MIN_FREE_BYTES": "0", "TITAN_LOG_LEVEL": "warning"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(STAGE_VALUE)}
    with subprocess.Popen(
        [*command, *offers], env=inherited | settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            overdue = threading.Timer(START_SECONDS, process.kill)
            overdue.start()
            _await_greeting(process.stdout)
            overdue.cancel()
            url = urlsplit(json.loads((home / "server.json").read_bytes())["url"])
            yield url.hostname or "127.0.0.1", url.port or 0
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _written_model(recording: Path, name: str | None, home: Path) -> str:
    """Write the model's recorded answers into a file; return the address of the model that repeats them."""
    home.mkdir(parents=True, exist_ok=True)
    with recording.open("rb") as file:
        lines = [line for line in map(json.loads, file) if line.get("sources") == ["endpoint"]]
    asked = (line for line in lines if isinstance(line.get("inputs"), dict) and isinstance(line.get("outputs"), dict))
    answers = [{"messages": line["inputs"].get("messages") or [], "message": line["outputs"]} for line in asked]
    if name is None and not answers:
        return "none"
    path = home / "model.json"
    path.write_text(json.dumps({"name": name or lines[0]["model"], "answers": answers}), encoding="utf-8")
    return f"recorded:{path}"


def _await_greeting(output: IO[str] | None) -> None:
    for line in output or ():
        if line.startswith("Ctrl-C"):
            return
    raise SystemExit("the replay's own Titan server did not start")


@contextmanager
def _gates_decided(client: TitanClient, decisions: Sequence[Decided]) -> Iterator[None]:
    """Decide each gate as recorded; a gate without a recorded decision stays open."""
    has_ended = threading.Event()
    left = list(decisions)

    def decide() -> None:
        while left and not has_ended.wait(LOOK_SECONDS):
            with _unless_gone():
                for gate in client.transport.request_json("GET", "/api/gates", query={"status": "open"})["gates"]:
                    _decide(client, gate, left)

    thread = threading.Thread(target=decide, name="gates", daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


def _decide(client: TitanClient, gate: Mapping[str, str], left: list[Decided]) -> None:
    named = (one for one in left if (one.dag, one.gate) == (gate["dag_name"], gate["name"]))
    decided = next(named, None)
    if decided is not None:
        left.remove(decided)
        word = "approve" if decided.is_approved else "reject"
        body = {"comment": decided.comment}
        client.transport.request_json("POST", f"/api/gates/{gate['gate_id']}/{word}", body=body)


def _submit_all(client: TitanClient, stages: StoredStages, folder: Path, environment: Mapping[str, str]) -> int:
    """Submit the stored DAGs, each after those that ended before it; return 1 where a job failed, else 0."""
    ids: list[str] = []
    for dag in stages.dags:
        for place in dag.after:
            client.wait(ids[place])
        ids.append(_submit(client, stages, dag, folder, replayed_environment(environment)))
    return 0 if all(client.wait(dag_id) == "COMPLETED" for dag_id in ids) else 1


def _submit(
    client: TitanClient, stages: StoredStages, dag: StoredDag, folder: Path, environment: Mapping[str, str]
) -> str:
    scripts: dict[str, str] = {}
    items: list[dict[str, object]] = []
    for job in dag.jobs:
        item = dict(job.item)
        if job.item.get("kind") != "gate":
            given = msgspec.convert(item.get("env", {}), dict[str, str])
            values = {name: os.environ.get(value, value) for name, value in given.items()}
            item |= {"env": {**values, **environment}, "cold": True}
        if job.script is not None:
            scripts[job.script] = base64.b64encode((folder / job.script).read_bytes()).decode()
            item["script"] = job.script
        elif job.archive is not None:
            client.upload_file(folder / job.archive)
            item["archive"] = job.archive
        items.append(item)
    body = {
        "name": dag.name,
        "agent_run_id": stages.run_id if stages.in_run else None,
        "agent_id": dag.agent_id,
        "on_failure": dag.on_failure,
        "scripts": scripts,
        "jobs": items,
    }
    return str(client.transport.request_json("POST", "/api/dags", body=body)["dag_id"])


def _await_jobs(client: TitanClient) -> None:
    """Wait until no job runs or waits."""
    until = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until:
        with _unless_gone():
            dags = client.transport.request_json("GET", "/api/dags")["dags"]
            if all(dag["ended_at"] for dag in dags):
                return
        time.sleep(LOOK_SECONDS)


@contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except TitanError as error:
        sys.stderr.write(f"replay: {error}\n")


if __name__ == "__main__":
    sys.exit(main())
