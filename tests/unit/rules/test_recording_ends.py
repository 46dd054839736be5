"""What the end of one trace says of a run that may hold several."""

from msgspec.structs import replace

from tests.support.recorded import a_call, a_word, at, heard
from titan.model.actions import RunEnd, Source
from titan.model.run_control import RunStatus, StatusSource

TRACE_END = replace(a_word(seconds=9, source=Source.OTLP, end=RunEnd.COMPLETED), is_part_end=True)


def test_the_end_of_its_one_trace_ends_a_run_as_the_root_fared() -> None:
    run = heard([TRACE_END, a_call(error="nope", source=Source.OTLP)]).run

    assert (run.status, run.status_source, run.ended_at) == (RunStatus.COMPLETED, StatusSource.EXPLICIT, at(9))


def test_a_run_continues_with_its_next_trace_until_that_ends() -> None:
    memory = heard([TRACE_END, a_call(source=Source.OTLP)])

    memory.hear(a_call("a2", begins=20, ends=21, source=Source.OTLP))
    between = memory.run.status
    memory.hear(replace(TRACE_END, at=at(22), end=RunEnd.FAILED))

    assert (between, memory.run.status, memory.run.ended_at) == (RunStatus.RUNNING, RunStatus.FAILED, at(22))


def test_the_end_of_a_trace_ends_no_run_that_is_within_a_call() -> None:
    memory = heard([a_call(ends=None)])

    memory.hear(TRACE_END)
    within = memory.run.status
    memory.hear(a_word(seconds=10, end=RunEnd.COMPLETED))

    assert (within, memory.run.status) == (RunStatus.RUNNING, RunStatus.COMPLETED)
