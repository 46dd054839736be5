"""How far a run is: as its program says, else as the agent's earlier runs went."""

import pytest
from msgspec.structs import replace

from tests.support.recorded import a_call, a_word, heard
from titan.insight.bodies import Progress, progress
from titan.model.run_control import RunStatus
from titan.model.runs import Run


def a_run(*, calls: int = 0, done: int | None = None, total: int | None = None) -> Run:
    """Return a running run."""
    return heard([a_word(done=done, total=total), *(a_call(f"a{n}") for n in range(calls))]).run


@pytest.mark.parametrize(
    ("run", "earlier", "told"),
    [
        (a_run(done=3, total=4), [], Progress(share=0.75, is_estimated=False)),
        (a_run(done=0, total=4), [100], Progress(share=0.0, is_estimated=False)),
        (a_run(done=9, total=4), [], Progress(share=1.0, is_estimated=False)),
        (a_run(calls=2), [2, 4, 100], Progress(share=0.5, is_estimated=True)),
        (a_run(calls=2, done=2), [4], Progress(share=0.5, is_estimated=True)),
        (a_run(calls=1, done=1, total=0), [4], Progress(share=0.25, is_estimated=True)),
        (a_run(calls=9), [4], Progress(share=0.95, is_estimated=True)),
        (a_run(calls=2), [], None),
        (a_run(calls=2), [0, 0], None),
    ],
)
def test_progress_is_reported_estimated_or_unknown(run: Run, earlier: list[int], told: Progress | None) -> None:
    assert progress(run, earlier) == told


def test_a_run_that_ended_has_none() -> None:
    assert progress(replace(a_run(done=3, total=4), status=RunStatus.FAILED), [4]) is None
