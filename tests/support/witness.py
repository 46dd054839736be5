"""Records which jobs really ran while Titan's processes are killed, and compares Titan's account with it."""

import base64
import hashlib
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import psutil

from tests.support.running_titan import RunningTitan
from tests.support.waiting import is_running, wait_until
from titan_sdk import TitanClient

Graph = Mapping[str, Sequence[str]]  #: job → its parents

CHAIN: Graph = {"A": [], "B": ["A"], "C": ["B"], "D": ["C"]}

#: Writes into a file that Titan does not know of when it begins and ends; lasts as long as it is told.
SCRIPT = """
import os, sys, time

def mark(word):
    file = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{word} {os.environ['TITAN_JOB_NAME']}\\n".encode())
    os.close(file)

mark("began")
time.sleep(float(sys.argv[2]))
print("done", flush=True)
mark("ended")
"""

#: Ends only when as many others run beside it as it is told.
MEETING = """
import os, pathlib, sys, time

room = pathlib.Path(sys.argv[1])
(room / os.environ["TITAN_JOB_NAME"]).touch()
while len(list(room.iterdir())) < int(sys.argv[2]):
    time.sleep(0.01)
"""


def crowd(name: str, size: int) -> dict[str, list[str]]:
    """Return a graph of jobs beside each other, each with a child."""
    firsts: dict[str, list[str]] = {f"{name}{n}": [] for n in range(size)}
    return {**firsts, **{f"{first}-child": [first] for first in firsts}}


def tangle(chance: Random, size: int) -> dict[str, list[str]]:
    """Return a graph in which every job but the first few has one or two of the earlier ones as parents."""
    names = [f"job{n}" for n in range(size)]
    return {name: chance.sample(names[:n], min(n // 3, chance.randint(1, 2))) for n, name in enumerate(names)}


def a_submission(name: str, jobs: Sequence[Mapping[str, object]], script: str) -> dict[str, object]:
    """Return the body of POST /api/dags: every one of `jobs` runs the Python `script`."""
    content = script.encode()
    digest = hashlib.sha256(content).hexdigest()
    return {
        "name": name,
        "jobs": [{"filename": "job.py", "script": digest, **job} for job in jobs],
        "scripts": {digest: base64.b64encode(content).decode()},
    }


class Witness:
    """Submits jobs that leave marks, and compares the marks with what Titan says."""

    def __init__(self, titan: RunningTitan, folder: Path, chance: Random) -> None:
        self.titan = titan
        self.client = TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _line: None)
        self._marks = folder / "marks"
        self._folder = folder
        self._chance = chance
        self._seen: dict[int, float] = {}
        self._dags: dict[str, Graph] = {}

    def submit(self, name: str, graph: Graph, *, seconds: float, **policy: object) -> str:
        """Submit a graph whose attempts last up to `seconds`; return its id. Names of jobs are used once."""
        jobs = [
            {
                "id": job,
                "parents": list(parents),
                "args": [str(self._marks), f"{self._chance.uniform(seconds / 2, seconds):.3f}"],
                "max_lost": 50,
                **policy,
            }
            for job, parents in graph.items()
        ]
        dag_id = str(self.post("/api/dags", a_submission(name, jobs, SCRIPT))["dag_id"])
        self._dags[dag_id] = graph
        return dag_id

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.titan.sdk_port}"

    def ask(self, path: str, **query: str | int) -> Any:
        """GET `path`, as patiently as the SDK does while the server is away."""
        return self.client.transport.request_json("GET", path, query=query)

    def post(self, path: str, body: object = None) -> Any:
        """POST `body`, as patiently."""
        return self.client.transport.request_json("POST", path, body=body)

    def marks(self) -> list[str]:
        """Return what the jobs wrote so far: "began A", "ended A"."""
        return self._marks.read_text().splitlines() if self._marks.exists() else []

    def wait_for_mark(self, mark: str) -> None:
        """Wait until a job has written `mark`."""
        wait_until(lambda: mark in self.marks(), f"the mark {mark!r}")

    def wait_for_attempts(self, count: int) -> None:
        """Wait until this many attempts more than now have begun, or all jobs have ended."""
        until = self._begun() + count
        wait_until(lambda: self._begun() >= until or self._all_ended(), f"{count} attempts begin", seconds=60)

    def worker_pid(self) -> int:
        """Wait for a connected worker that really lives, and return its process id."""
        wait_until(lambda: bool(self._living_workers()), "a worker joins", seconds=60)
        return self._living_workers()[0]

    def connected(self) -> int:
        """Return how many workers are connected."""
        return sum(worker["state"] == "connected" for worker in self.ask("/api/workers")["workers"])

    def wait_for_status(self, dag_id: str, status: str) -> None:
        """Wait until a DAG stands so."""
        wait_until(lambda: self.ask(f"/api/dags/{dag_id}")["status"] == status, f"{dag_id} is {status}", seconds=60)

    def kill_worker(self) -> None:
        """End the worker process as by kill -9."""
        pid = self.worker_pid()
        self.remember_processes()
        os.kill(pid, signal.SIGKILL)

    def kill_server(self) -> None:
        """End the server process as by kill -9; its worker goes on."""
        self.remember_processes()
        self.titan.kill()

    def kill_both(self) -> None:
        """End server and worker as by kill -9, in either order."""
        pid = self.worker_pid()
        self.remember_processes()
        kills: list[Callable[[], None]] = [self.titan.kill, partial(os.kill, pid, signal.SIGKILL)]
        for kill in self._chance.sample(kills, 2):
            kill()

    def remember_processes(self) -> None:
        """Note every process that is Titan's now, so that none of them is left in the end."""
        for pid in (self.titan.pid, *self._living_workers()):
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(pid)
                for process in (root, *root.children(recursive=True)):
                    self._seen[process.pid] = process.create_time()

    def see_that_all_is_well(self) -> None:
        """Wait for the end of all DAGs, then assert that nothing was lost, repeated or leaked."""
        for dag_id, graph in self._dags.items():
            dag = self._ended(dag_id)
            assert {job["name"]: job["status"] for job in dag["jobs"]} == dict.fromkeys(graph, "COMPLETED")
            for job in dag["jobs"]:
                self._check_job(job["job_id"])
        self._check_order()
        assert self.ask("/api/jobs", status="RUNNING")["jobs"] == []
        assert all(worker["busy"] == {} for worker in self.ask("/api/workers")["workers"])
        self._check_slots()
        self.remember_processes()

    def see_that_nothing_is_left(self) -> None:
        """Assert, after Titan has stopped, that none of its processes runs."""
        wait_until(lambda: not self._left(), f"these processes end: {self._left()}")

    def outcomes(self, job_id: str) -> list[str | None]:
        """Return how the attempts of a job ended."""
        return [attempt["outcome"] for attempt in self.ask(f"/api/jobs/{job_id}")["attempts"]]

    def _living_workers(self) -> list[int]:
        workers = self.ask("/api/workers")["workers"]
        pids = [int(worker["pid"]) for worker in workers if worker["state"] == "connected"]
        return [pid for pid in pids if is_running(pid)]

    def _begun(self) -> int:
        return sum(mark.startswith("began") for mark in self.marks())

    def _all_ended(self) -> bool:
        ended = {mark.split()[1] for mark in self.marks() if mark.startswith("ended")}
        return ended >= {job for graph in self._dags.values() for job in graph}

    def _ended(self, dag_id: str) -> dict[str, Any]:
        dag: dict[str, Any] = {}

        def has_ended() -> bool:
            dag.update(self.ask(f"/api/dags/{dag_id}", wait_seconds=5))
            return bool(dag["is_final"])

        wait_until(has_ended, f"dag {dag_id} ends", seconds=120)
        return dag

    def _check_job(self, job_id: str) -> None:
        outcomes = Counter(self.outcomes(job_id))
        assert outcomes["succeeded"] == 1, f"{job_id}: {outcomes}"
        assert set(outcomes) <= {"succeeded", "lost", "returned"}, f"{job_id}: {outcomes}"
        events = Counter(entry["event"] for entry in self.ask(f"/api/jobs/{job_id}/story")["entries"])
        assert events["JobSucceeded"] == 1
        assert events["JobLeased"] == outcomes.total()

    def _check_order(self) -> None:
        """No job may begin before each of its parents has ended once."""
        parents = {job: of for graph in self._dags.values() for job, of in graph.items()}
        ended: set[str] = set()
        for mark in self.marks():
            word, job = mark.split()
            if word == "ended":
                ended.add(job)
            else:
                assert set(parents[job]) <= ended, f"{job} began before {set(parents[job]) - ended} ended"
        assert ended == set(parents)

    def _check_slots(self) -> None:
        """Every slot must run a job again, all of them at the same time."""
        room = self._folder / f"room{len(list(self._folder.iterdir()))}"
        room.mkdir()
        workers = self.ask("/api/workers")["workers"]
        slots = sum(worker["offers"]["GENERAL"] for worker in workers if worker["state"] == "connected")
        jobs = [{"id": f"guest{n}", "args": [str(room), str(slots)], "max_lost": 0} for n in range(slots)]
        dag_id = self.post("/api/dags", a_submission("meeting", jobs, MEETING))["dag_id"]
        assert self._ended(dag_id)["status"] == "COMPLETED"

    def _left(self) -> list[str]:
        left = []
        for pid, created in self._seen.items():
            try:
                process = psutil.Process(pid)
                if process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE:
                    left.append(f"{pid} {json.dumps(process.cmdline())}")
            except psutil.NoSuchProcess:
                continue
        return left
