"""The loop itself, where a stage does not end well; how it ends well is in tests/acceptance."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from research_agent import ResearchAgent, StageFailed, Style

from tests.support.fake_titan import FakeTitan
from tests.support.waiting import wait_until
from titan_sdk import TitanClient

RUN = "RESEARCH_1a9ac3"


@contextmanager
def researching(client: TitanClient, fake: FakeTitan, *subtopics: str) -> Iterator[Future[int]]:
    """Have the agent research, beside the test, and give its count once the jobs are submitted."""
    agent = ResearchAgent(client, RUN, "Why?", style=Style(quote=False, evidence_characters=1000))
    with ThreadPoolExecutor(1) as beside:
        count = beside.submit(agent.research, 1, subtopics)
        wait_until(lambda: bool(fake.facts.dags), "the researchers are submitted")
        yield count
    client.end_run(RUN)


def done(fake: FakeTitan, name: str, index: int) -> None:
    """End a researcher as one ends that has published its result."""
    fake.set_value(f"research:{RUN}:researcher:1:{index}:done", "1")
    fake.finish(name, "COMPLETED")


def test_a_researcher_that_fails_costs_its_own_section(
    client: TitanClient, fake: FakeTitan, capsys: pytest.CaptureFixture[str]
) -> None:
    with researching(client, fake, "Leases", "Retries") as count:
        fake.finish("researcher-1-0", "FAILED", log=b"Traceback\nMemoryError: too much\n")
        done(fake, "researcher-1-1", 1)

    assert count.result() == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["[AGENT] Submitted 2 researcher(s) in parallel...", "[AGENT] researcher-1-1 — done"]
    assert said[2].startswith("[AGENT] researcher-1-0 — FAILED: ")
    assert said[2].endswith("its last line: MemoryError: too much")


def test_without_a_single_result_the_stage_has_failed(client: TitanClient, fake: FakeTitan) -> None:
    with researching(client, fake, "Leases", "Retries") as count:
        fake.finish("researcher-1-0", "FAILED")
        fake.finish("researcher-1-1", "CANCELLED")

    with pytest.raises(StageFailed, match="all 2 researchers of iteration 1 failed"):
        count.result()


def test_researchers_are_announced_in_the_order_in_which_they_end(
    client: TitanClient, fake: FakeTitan, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ""

    def has_been_said(words: str) -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return words in said

    with researching(client, fake, "Leases", "Retries", "Slots"):
        for name in ("researcher-1-2", "researcher-1-0", "researcher-1-1"):
            done(fake, name, int(name[-1]))
            wait_until(lambda: has_been_said(f"{name} — done"), "the agent says so")  # noqa: B023  # called at once

    assert said.splitlines()[1:] == [f"[AGENT] researcher-1-{index} — done" for index in (2, 0, 1)]
