"""The research agent: plan, research in parallel, evaluate, loop or write; the shape is decided as it runs.

    python examples/research_agent/research_agent.py "How does LoRA work for LLM fine-tuning?" --max-iter 2
    python examples/research_agent/research_agent.py "What may a trainee not do alone?" --corpus ~/handbook
    python examples/research_agent/research_agent.py "Which index fits 10 million vectors?" --review

The loop lives here, outside of any DAG: each stage is a DAG of its own, submitted when the stage before it
has said, in the shared store, what comes next. Needs a running server (`titan up`) with a model.
"""

import argparse
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import research_corpus

import titan_sdk
from titan_sdk import TitanClient, TitanError, TitanGate, TitanJob, new_run_id, wait_for_signal, wait_for_signals
from titan_sdk.errors import SignalLost

DEFAULT_QUERY = "What are the tradeoffs of vector databases for production RAG systems?"
DEFAULT_ITERATIONS = 3
FOLDER = Path(__file__).resolve().parent
JOB_SECONDS = 900.0  # of one attempt: five answers of the local model while three other jobs wait for it
#: The local model reads 150 tokens, some 500 characters, a second.
LOCAL_EVIDENCE_CHARACTERS = 1_500
EVIDENCE_CHARACTERS = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How the jobs are to use the model."""

    quote: bool  #: findings are sentences of the sources, chosen by the model rather than worded by it
    evidence_characters: int  #: how much of the sources a prompt shows

    @property
    def arguments(self) -> list[str]:
        """The same as arguments of a job."""
        return ["--evidence", str(self.evidence_characters), *(["--quote"] if self.quote else [])]


class Plan(TypedDict):
    """What the planner stores."""

    query: str
    subtopics: list[str]
    notes: list[str]


class Decision(TypedDict):
    """What the evaluator stores."""

    decision: str
    reason: str
    gaps: list[str]
    notes: list[str]


class Packed(TypedDict):
    """What there is in the folder of the user's own texts."""

    passages: int
    files: int
    skipped: int
    packed: bytes  #: the passages as compressed JSON lines


class StageFailed(Exception):
    """A stage without which there is no report did not end well."""


class ResearchAgent:
    """One run of the agent."""

    def __init__(
        self, client: TitanClient, run_id: str, query: str, *, style: Style, is_reviewed: bool = False
    ) -> None:
        self.client = client
        self.is_reviewed = is_reviewed
        self.run_id = run_id
        self.query = query
        self.style = style

    def run(self, *, max_iterations: int, report: Path) -> None:
        """Do all stages, and save the report.

        Raises:
            StageFailed: a stage ended without its result.
            TitanError: the server refused something, or is away.
        """
        subtopics = self.plan()
        section_count = 0
        for iteration in range(1, max_iterations + 1):
            say(f"Iteration {iteration}/{max_iterations} — {len(subtopics)} subtopic(s)")
            section_count += self.research(iteration, subtopics)
            gaps = self.evaluate(iteration)
            if not gaps:
                say("Evaluator: research complete — proceeding to synthesis.")
                break
            say(f"Evaluator: DEEPEN — {len(gaps)} gap(s): {'; '.join(gaps)}")
            subtopics = gaps
        else:
            say(f"Iteration limit {max_iterations} reached — proceeding to synthesis.")
        self.synthesize(section_count, report)

    def publish_corpus(self, packed: bytes) -> None:
        """Give every worker the passages, wherever it runs."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"corpus_{self.run_id}.jsonl.gz"
            file.write_bytes(packed)
            self.client.publish_artifact(f"research:{self.run_id}:corpus", file)

    def plan(self) -> list[str]:
        """Return the subtopics a model breaks the query into."""
        say("Stage 1 — Planner: breaking query into subtopics...")
        self._submit("PLAN", [self._job("planner", "research_planner.py", [self.query])])
        self._await("planner", f"research:{self.run_id}:planner:done")
        plan: Plan = self._stored("plan")
        subtopics = plan["subtopics"]
        say(f"Planner decided {len(subtopics)} subtopics:")
        for index, subtopic in enumerate(subtopics):
            print(f"[{index}] {subtopic}", flush=True)
        for note in plan["notes"]:
            say(f"Note: {note}")
        return subtopics

    def research(self, iteration: int, subtopics: Sequence[str]) -> int:
        """Research the subtopics side by side; return how many have a result.

        A researcher that fails leaves a gap, not a ruin: the others' results are used.
        """
        jobs = {
            f"research:{self.run_id}:researcher:{iteration}:{index}:done": self._job(
                f"researcher-{iteration}-{index}",
                "research_worker.py",
                [str(iteration), str(index), subtopic, self.query, *self.style.arguments],
            )
            for index, subtopic in enumerate(subtopics)
        }
        self._submit(f"ITER{iteration}", list(jobs.values()))
        say(f"Submitted {len(jobs)} researcher(s) in parallel...")
        waiting = dict(jobs)
        try:
            wait_for_signals(self.client, list(jobs), on_signal=lambda key: say(f"{waiting.pop(key).id} — done"))
        except SignalLost:
            for job in waiting.values():
                say(f"{job.id} — FAILED: {self._why(job.id)}")
            if len(waiting) == len(jobs):
                raise StageFailed(f"all {len(jobs)} researchers of iteration {iteration} failed") from None
        return len(jobs) - len(waiting)

    def evaluate(self, iteration: int) -> list[str]:
        """Return the gaps to go deeper into; [] when a model finds the research complete."""
        name = f"evaluator-{iteration}"
        job = self._job(name, "research_evaluator.py", [str(iteration), self.query, *self.style.arguments])
        self._submit(f"EVAL{iteration}", [job])
        self._await(name, f"research:{self.run_id}:eval:{iteration}:done")
        decision: Decision = self._stored(f"eval:{iteration}")
        for note in decision["notes"]:
            say(f"Note: {note}")
        return decision["gaps"] if decision["decision"] == "DEEPEN" else []

    def synthesize(self, section_count: int, report: Path) -> None:
        """Merge all sections into the report, and download it."""
        say(f"Stage 4 — Synthesizer: merging {section_count} research sections...")
        job = self._job("synthesizer", "research_synthesizer.py", [self.query, *self.style.arguments])
        jobs: list[TitanJob] = [job]
        if self.is_reviewed:
            say(f"Waiting for a person: `titan approve review --run {self.run_id}`, or `titan reject` the same.")
            jobs.insert(0, TitanGate("review", f"{section_count} sections are researched. Write the report?"))
            job.parents = ["review"]
        self._submit("SYNTH", jobs)
        self._await("synthesizer", f"research:{self.run_id}:synth:done")
        if not self.client.get_artifact(f"research:{self.run_id}:report", save_path=report):
            raise StageFailed("the synthesizer published no report")
        say(f"Done. Report downloaded → {report}")

    def _job(self, name: str, script: str, arguments: list[str]) -> TitanJob:
        return TitanJob(
            job_id=name,
            filename=str(FOLDER / script),
            args=[self.run_id, *arguments],
            retries=1,
            backoff=2,
            timeout=JOB_SECONDS,
        )

    def _submit(self, stage: str, jobs: list[TitanJob]) -> None:
        self.client.submit_dag(f"{self.run_id}_{stage}", jobs, agent_run_id=self.run_id)

    def _await(self, name: str, key: str) -> None:
        try:
            wait_for_signal(self.client, key, job=name)
        except SignalLost:
            raise StageFailed(f"{name} failed: {self._why(name)}") from None
        say(f"{name} — done")

    def _stored(self, key: str) -> Any:
        return json.loads(self.client.store_get(f"research:{self.run_id}:{key}") or "null")

    def _why(self, name: str) -> str:
        job = self.client.get_job(name)
        lines = [line for line in self.client.fetch_logs(name).splitlines() if line.strip()]
        said = f"; its last line: {lines[-1].strip()}" if lines else ""
        return f"{job['reason'] or job['status']}{said}"


def main() -> int:
    """Run the agent from the command line; return its exit code."""
    options = _options()
    run_id = new_run_id("RESEARCH")  # of a run that is resumed, its own again
    report = options.output or Path(tempfile.gettempdir()) / f"research_{run_id}_report.md"
    client = TitanClient(announce=_say_nothing)
    # The last words to a server that may be gone: a run without a stage, or without words, ends by itself.
    ending = TitanClient(announce=_say_nothing, retry_for_seconds=0)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        agent = ResearchAgent(client, run_id, options.query, style=_style(client, options), is_reviewed=options.review)
        say(f"Run {run_id}: {options.query}")
        if options.corpus is None:
            if agent.style.quote:
                say("Note: without --corpus there is nothing to quote; a model this small knows little, invents much.")
            agent.run(max_iterations=options.max_iter, report=report)
        else:
            with titan_sdk.run("RESEARCH", run_id):  # records the folder, which a replay on a worker does not see
                _give_corpus(agent, options.corpus)
                agent.run(max_iterations=options.max_iter, report=report)
    except KeyboardInterrupt:
        with contextlib.suppress(TitanError):
            ending.cancel_run(run_id)
        print(f"[AGENT] Interrupted: run {run_id} is cancelled.", file=sys.stderr)
        return 130
    except (StageFailed, TitanError, OSError) as error:
        print(f"[AGENT] FAILED: {error}", file=sys.stderr)
        with contextlib.suppress(TitanError):
            ending.end_run(run_id, "failed", str(error)[:1000])
        return 1
    return 0


def say(line: str) -> None:
    """Print a line of the agent's, at once."""
    print(f"[AGENT] {line}", flush=True)


def _say_nothing(_line: str) -> None:
    """Keep the SDK's own announcements out of the agent's output, which is the seed's line by line."""


def _give_corpus(agent: ResearchAgent, folder: Path) -> None:
    corpus = _packed_corpus(str(folder))
    agent.publish_corpus(corpus["packed"])
    skipped = f", {corpus['skipped']} skipped as data, binary or too large" if corpus["skipped"] else ""
    say(f"Corpus: {corpus['passages']} passages of {corpus['files']} files{skipped}")


@titan_sdk.action("pack_corpus", kind="tool", impact="read")
def _packed_corpus(folder: str) -> Packed:
    corpus = research_corpus.read_corpus(Path(folder).expanduser())
    return {
        "passages": len(corpus.passages),
        "files": len(corpus.files),
        "skipped": len(corpus.skipped),
        "packed": research_corpus.pack(corpus),
    }


def _style(client: TitanClient, options: argparse.Namespace) -> Style:
    model = client.transport.request_json("GET", "/api/health", retry_for_seconds=0)["model"]
    is_small = model is not None and str(model).startswith("local")
    say(f"Model: {model}" + (", a very small one: it chooses sentences of the sources" if is_small else ""))
    characters = LOCAL_EVIDENCE_CHARACTERS if is_small else EVIDENCE_CHARACTERS
    return Style(
        quote=is_small if options.quote is None else options.quote,
        evidence_characters=options.evidence or characters,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("query", nargs="?", default=DEFAULT_QUERY, help=f"default: {DEFAULT_QUERY}")
    parser.add_argument("--max-iter", type=_positive, default=DEFAULT_ITERATIONS, help="most rounds of research")
    parser.add_argument("--corpus", type=Path, help="folder of your own texts to search and cite")
    parser.add_argument("--review", action="store_true", help="ask a person before the report is written")
    parser.add_argument("--output", type=Path, help="where the report goes; by default the temporary folder")
    parser.add_argument(
        "--quote",
        action=argparse.BooleanOptionalAction,
        help="build the report of the sources' own sentences; by default only with the local model",
    )
    parser.add_argument("--evidence", type=_positive, help="characters of sources in a prompt")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more; found {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
