"""The research agent of seed 001, on a real Titan: each store key, name, line, file and part that the seed gives."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import research_agent

from tests.support.programs import run_program
from tests.support.recorded_calls import RecordedCalls
from tests.support.research_script import GAP, SUBTOPICS, WEAK, write_script
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.sources import PACKAGES, ROOT
from tests.support.waiting import wait_until
from titan_sdk import TitanClient

AGENT = ROOT / "examples" / "research_agent" / "research_agent.py"
DEEPENED = "How does LoRA work for LLM fine-tuning?"
LIMITED = "Compare multi-cloud vs single-cloud strategy for enterprise SaaS"
PARTS = ["Executive Summary", "Key Findings", "Deep Dive", "Practical Recommendations", "Open Questions"]
HANDBOOK = """# Handbook

## Leases

A lease is good for 10 s and renewed every 3 s. When a worker dies, its lease ends and its job runs again.

## Slots

A slot runs one job at a time. You should offer as many slots as the machine has cores.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the agent, from outside."""

    exit_code: int
    lines: list[str]  #: of its standard output
    errors: str
    folder: Path  #: where its temporary files went
    client: TitanClient

    @property
    def id(self) -> str:
        """The run's id, out of the agent's own words."""
        (line,) = (line for line in self.lines if line.startswith("[AGENT] Run "))
        return line.split()[2].rstrip(":")

    @property
    def report_path(self) -> Path:
        """Where the seed wants the report."""
        return self.folder / f"research_{self.id}_report.md"

    @property
    def report(self) -> str:
        """The report's text."""
        return self.report_path.read_text(encoding="utf-8")

    def stored(self, key: str) -> str | None:
        """Return the value of a key of this run."""
        return self.client.store_get(f"research:{self.id}:{key}")

    def artifact(self, key: str) -> str:
        """Return the text that was published under a key of this run."""
        file = self.folder / "artifact"
        assert self.client.get_artifact(f"research:{self.id}:{key}", file)
        return file.read_text(encoding="utf-8")

    def jobs(self) -> dict[str, list[str]]:
        """Return the names of the jobs of each stage, after the last one has ended."""
        self.client.wait(f"{self.id}_SYNTH", timeout=60)  # a job signals before it ends
        return {
            stage["name"]: [job["name"] for job in stage["jobs"]] for stage in self.client.get_run(self.id)["stages"]
        }


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    folder = tmp_path_factory.mktemp("research")
    script = folder / "answers.json"
    write_script(script, complete=[research_agent.DEFAULT_QUERY], deepen_once=[DEEPENED, LIMITED])
    with running_titan(folder / "home", model=f"scripted:{script}") as running:
        yield running


def run_agent(titan: RunningTitan, folder: Path, *arguments: str) -> Run:
    """Run the agent to its end."""
    done = run_program(AGENT, *arguments, cwd=folder, env={**titan.environment, "TMPDIR": str(folder)})
    client = TitanClient("127.0.0.1", titan.sdk_port, announce=lambda _: None)
    return Run(
        exit_code=done.returncode, lines=done.stdout.splitlines(), errors=done.stderr, folder=folder, client=client
    )


def calls_of(titan: RunningTitan, run: Run, *, count: int) -> dict[str | None, Counter[str]]:
    """Return how often each model and tool was called, by stage, once so many calls have been told."""
    recorded = RecordedCalls(titan)
    try:
        return recorded.calls_within(run.id, count=count)
    finally:
        recorded.close()


@pytest.fixture(scope="module")
def run(titan: RunningTitan, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the default query whose model answers well; it is looked at, never changed."""
    return run_agent(titan, tmp_path_factory.mktemp("run"))


def test_it_ends_well_and_says_nothing_of_errors(run: Run) -> None:
    assert (run.exit_code, run.errors) == (0, "")


def test_it_prints_the_seeds_example_line_by_line(run: Run) -> None:
    own = ("[AGENT] Model: ", "[AGENT] Run ")
    lines = [line for line in run.lines if not line.startswith(own)]

    assert lines[:9] == [
        "[AGENT] Stage 1 — Planner: breaking query into subtopics...",
        "[AGENT] planner — done",
        "[AGENT] Planner decided 4 subtopics:",
        "[0] Performance, Scalability, and Latency Implications",
        "[1] Cost, Infrastructure, and Operational Overhead",
        "[2] Retrieval Quality, Relevance, and Embedding Management",
        "[3] Data Consistency, Freshness, and Integration Challenges",
        "[AGENT] Iteration 1/3 — 4 subtopic(s)",
        "[AGENT] Submitted 4 researcher(s) in parallel...",
    ]
    assert sorted(lines[9:13]) == [f"[AGENT] researcher-1-{index} — done" for index in range(4)]
    assert lines[13:] == [
        "[AGENT] evaluator-1 — done",
        "[AGENT] Evaluator: research complete — proceeding to synthesis.",
        "[AGENT] Stage 4 — Synthesizer: merging 4 research sections...",
        "[AGENT] synthesizer — done",
        f"[AGENT] Done. Report downloaded → {run.report_path}",
    ]


def test_the_run_id_has_the_form_of_seed_000(run: Run) -> None:
    assert re.fullmatch(r"RESEARCH_[0-9a-f]{6}", run.id)


def test_the_stages_are_dags_of_the_run_under_the_seeds_names_with_the_seeds_jobs(run: Run) -> None:
    assert run.jobs() == {
        f"{run.id}_PLAN": ["planner"],
        f"{run.id}_ITER1": [f"researcher-1-{index}" for index in range(4)],
        f"{run.id}_EVAL1": ["evaluator-1"],
        f"{run.id}_SYNTH": ["synthesizer"],
    }


@pytest.mark.parametrize(
    "key", ["planner:done", *(f"researcher:1:{index}:done" for index in range(4)), "eval:1:done", "synth:done"]
)
def test_each_stage_signals_its_end_in_the_store(run: Run, key: str) -> None:
    assert run.stored(key) == "1"


def test_the_plan_lies_in_the_store(run: Run) -> None:
    assert json.loads(run.stored("plan") or "") == {
        "query": research_agent.DEFAULT_QUERY,
        "subtopics": SUBTOPICS,
        "notes": [],
    }


def test_the_evaluators_decision_lies_in_the_store(run: Run) -> None:
    decision = json.loads(run.stored("eval:1") or "")

    assert (decision["decision"], decision["gaps"]) == ("SYNTHESIZE", [])


@pytest.mark.parametrize("index", range(4))
def test_each_result_is_published_under_its_file_name(run: Run, index: int) -> None:
    assert run.stored(f"result:1:{index}") == f"result_1_{index}.txt"
    assert run.artifact(f"result:1:{index}").startswith(f"# {SUBTOPICS[index]}\n")


def test_the_report_is_published_and_downloaded(run: Run) -> None:
    assert run.stored("report") == "report.md"
    assert run.artifact("report") == run.report


@pytest.mark.parametrize("part", PARTS)
def test_the_report_has_its_part(run: Run, part: str) -> None:
    assert re.search(rf"^## {part}\n\n\S", run.report, re.MULTILINE)


def test_the_parts_have_the_seeds_sizes_and_order(run: Run) -> None:
    blocks = dict(block.split("\n\n", maxsplit=1) for block in run.report.split("\n## ")[1:])

    assert list(blocks)[:5] == PARTS
    assert len(re.findall(r"[.!?](?:\s|$)", blocks["Executive Summary"])) == 3
    assert len(re.findall(r"(?m)^- ", blocks["Key Findings"])) == 5
    assert 3 <= len(re.findall(r"(?m)^\d\. ", blocks["Practical Recommendations"])) <= 5
    assert len(re.findall(r"(?m)^- ", blocks["Open Questions"])) >= 1


def test_the_run_is_completed_when_the_agent_has_ended(run: Run) -> None:
    run.jobs()

    assert run.client.get_run(run.id)["status"] == "completed"


#: What a stage calls when the model answers well: `chat` is the model, the others are the agent's own tools.
PLANNER = {"fetch_file": 1, "chat": 1, "store_put": 2}
RESEARCHER = {"fetch_file": 1, "chat": 1, "publish_file": 1, "store_put": 1}
EVALUATOR = {"store_get": 2, "fetch_file": 4, "chat": 1, "store_put": 2}
#: Of five parts one is asked for again: two of its prepared findings say the same.
SYNTHESIZER = {"store_get": 9, "fetch_file": 4, "chat": 6, "publish_file": 1, "store_put": 1}
CALLS = 50  #: of all stages together


def test_each_model_and_tool_call_of_each_stage_is_recorded_once_below_its_stage(titan: RunningTitan, run: Run) -> None:
    stages = {
        "planner": PLANNER,
        **{f"researcher-1-{index}": RESEARCHER for index in range(4)},
        "evaluator-1": EVALUATOR,
        "synthesizer": SYNTHESIZER,
    }

    calls = calls_of(titan, run, count=CALLS)

    assert calls == stages


def test_the_run_is_the_agents_and_the_cost_of_its_models_is_unknown(titan: RunningTitan, run: Run) -> None:
    calls_of(titan, run, count=CALLS)

    recorded = run.client.transport.request_json("GET", f"/api/v1/runs/{run.id}")

    assert (recorded["agent_id"], recorded["tally"]["success"]) == ("RESEARCH", recorded["tally"]["calls"])
    assert (recorded["tally"]["cost_usd"], recorded["tally"]["unpriced"]) == ("0", 12)


def test_the_evaluators_reason_is_recorded_among_its_actions(titan: RunningTitan, run: Run) -> None:
    calls_of(titan, run, count=CALLS)

    shown = run.client.transport.request_json("GET", f"/api/v1/runs/{run.id}/skeleton")

    [thought] = [id for id, kind in zip(shown["id"], shown["kind"], strict=True) if kind == "thought"]
    found = run.client.transport.request_json("GET", f"/api/v1/runs/{run.id}/actions/{thought}")
    assert "enough" in found["bodies"]["outputs"]["text"]


def test_it_goes_deeper_where_the_evaluator_sees_a_gap(titan: RunningTitan, tmp_path: Path) -> None:
    run = run_agent(titan, tmp_path, DEEPENED)

    assert list(run.jobs()) == [f"{run.id}_{name}" for name in ("PLAN", "ITER1", "EVAL1", "ITER2", "EVAL2", "SYNTH")]
    assert run.jobs()[f"{run.id}_ITER2"] == ["researcher-2-0"]
    assert run.artifact("result:2:0").startswith(f"# {GAP}\n")
    assert f"[AGENT] Evaluator: DEEPEN — 1 gap(s): {GAP}" in run.lines
    assert "[AGENT] Iteration 2/3 — 1 subtopic(s)" in run.lines
    assert "[AGENT] Stage 4 — Synthesizer: merging 5 research sections..." in run.lines


def test_the_report_is_written_to_the_given_path(titan: RunningTitan, tmp_path: Path) -> None:
    wanted = tmp_path / "my report.md"

    run = run_agent(titan, tmp_path, "--output", str(wanted))

    assert run.lines[-1] == f"[AGENT] Done. Report downloaded → {wanted}"
    assert all(f"## {part}\n" in wanted.read_text(encoding="utf-8") for part in PARTS)


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    """A user's folder of texts."""
    folder = tmp_path / "handbook"
    folder.mkdir()
    (folder / "workers.md").write_text(HANDBOOK)
    return folder


@pytest.mark.parametrize("style", ["--quote", "--no-quote"])
def test_with_a_weak_model_the_users_own_files_still_make_a_report_with_citations(
    titan: RunningTitan, tmp_path: Path, handbook: Path, style: str
) -> None:
    query = "What happens to a job when its worker dies?"

    run = run_agent(titan, tmp_path, query, "--corpus", str(handbook), style)

    assert (run.exit_code, run.errors) == (0, "")
    assert all(re.search(rf"^## {part}\n\n\S", run.report, re.MULTILINE) for part in PARTS)
    assert "When a worker dies, its lease ends and its job runs again. [1]" in run.report
    assert "\n- [1] workers.md, line 5: Handbook: Leases\n" in run.report
    assert "You should offer as many slots as the machine has cores." in run.report
    assert WEAK not in run.report


def test_reads_and_searches_are_recorded_with_their_results(
    titan: RunningTitan, tmp_path: Path, handbook: Path
) -> None:
    run = run_agent(titan, tmp_path, "When is a lease renewed?", "--corpus", str(handbook))

    calls = calls_of(titan, run, count=40)
    assert calls["planner"]["search_headings"] == 1
    assert calls["researcher-1-0"] == {**RESEARCHER, "read_corpus": 1, "search": 1, "chat": 2}
    [searched] = run.client.transport.request_json(
        "GET", "/api/v1/ledger", query={"run_id": run.id, "action_name": "search", "page_size": "1"}
    )["data"]
    path = f"/api/v1/runs/{run.id}/actions/{searched['id']}"
    bodies = run.client.transport.request_json("GET", path)["bodies"]
    assert '"leas":' in bodies["inputs"]["text"]
    assert "workers.md, line 5: Handbook: Leases" in bodies["outputs"]["text"]


def test_the_report_states_each_step_that_a_weak_model_could_not_do(
    titan: RunningTitan, tmp_path: Path, handbook: Path
) -> None:
    run = run_agent(titan, tmp_path, "What is a slot?", "--corpus", str(handbook), "--no-quote")

    made = run.report.split("## How This Report Was Made")[1]
    assert "The model named 0 usable subtopic(s);" in made
    assert "The model gave no usable statements" in made
    assert all(f"{part} was put together from the findings" in made for part in PARTS)
    assert any(line.startswith("[AGENT] Note: The evaluator's model gave no usable decision") for line in run.lines)


def test_with_a_weak_model_and_no_files_there_is_an_honest_report_and_no_crash(
    titan: RunningTitan, tmp_path: Path
) -> None:
    run = run_agent(titan, tmp_path, "What does GDPR require for AI systems?")

    assert (run.exit_code, run.errors) == (0, "")
    assert all(f"## {part}\n" in run.report for part in PARTS)
    assert "The research found nothing to say here." in run.report


def test_an_iteration_limit_ends_the_loop_and_leaves_the_gap_open(titan: RunningTitan, tmp_path: Path) -> None:
    run = run_agent(titan, tmp_path, LIMITED, "--max-iter", "1")

    assert list(run.jobs()) == [f"{run.id}_{name}" for name in ("PLAN", "ITER1", "EVAL1", "SYNTH")]
    assert "[AGENT] Iteration limit 1 reached — proceeding to synthesis." in run.lines
    assert f"\n- {GAP}: the evaluator missed it, and it was not researched.\n" in run.report


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--max-iter", "0"], "expected 1 or more; found 0"),
        (["--max-iter", "many"], "--max-iter"),
        (["--wat"], "unrecognized arguments: --wat"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_runs(
    titan: RunningTitan, tmp_path: Path, arguments: list[str], words: str
) -> None:
    run = run_agent(titan, tmp_path, *arguments)

    assert run.exit_code == 2
    assert words in run.errors


def test_a_corpus_that_is_not_there_is_named(titan: RunningTitan, tmp_path: Path) -> None:
    run = run_agent(titan, tmp_path, "--corpus", "nowhere")

    assert run.exit_code == 1
    assert "[AGENT] FAILED: corpus 'nowhere': expected a folder of texts" in run.errors


def test_without_a_model_the_planner_fails_and_the_agent_says_why(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home") as without_model:
        run = run_agent(without_model, tmp_path)
        status = run.client.get_run(run.id)["status"]

    assert run.exit_code == 1
    assert "[AGENT] FAILED: planner failed: " in run.errors
    assert "ModelNotConfigured" in run.errors
    assert status == "failed"


def test_without_a_server_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = run_program(AGENT, cwd=tmp_path, env={"TITAN_PORT": "1"})

    assert done.returncode == 1
    assert "titan up" in done.stderr


def test_ctrl_c_cancels_the_run(tmp_path: Path) -> None:
    with running_titan(tmp_path / "home", offers=("GPU:1",)) as nobody_plans:
        agent = subprocess.Popen(
            [sys.executable, str(AGENT)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": PACKAGES, "TMPDIR": str(tmp_path), **nobody_plans.environment},
        )
        assert agent.stdout is not None
        lines = [agent.stdout.readline() for _ in range(3)]
        client = TitanClient("127.0.0.1", nobody_plans.sdk_port)
        run_id = lines[1].split()[2].rstrip(":")
        wait_until(lambda: bool(client.transport.request_json("GET", "/api/dags")["dags"]), "the first stage")
        agent.send_signal(signal.SIGINT)
        _, errors = agent.communicate(timeout=60)
        status = client.get_run(run_id)["status"]

    assert agent.returncode == 130
    assert errors == f"[AGENT] Interrupted: run {run_id} is cancelled.\n"
    assert status == "cancelled"
