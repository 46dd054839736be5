"""What every store can keep stays as it is; NULs, halves of surrogate pairs and impossible counts go."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from tests.support.recorded import a_call, a_word
from titan.model.actions import MOST_TOKENS, ActionEntry, Entry, Failure, ModelUse, RunEntry, Standing
from titan.rules.runs.sanitize import storable, storable_text, storable_time

ODD, FIT = "a\0b\ud800é", "a\ufffdb\ufffdé"
BARE: list[ActionEntry] = [
    replace(a_call(), use=None, failure=None),
    replace(a_call(), use=ModelUse(), failure=Failure(type="E")),
]


def filled(entry: Entry, text: str) -> Entry:
    """Return an entry that says the same text wherever it may say one."""
    if isinstance(entry, RunEntry):
        return replace(entry, run_id=text, agent_id=text, session_id=text, name=text, reason=text, tags=("t", text))
    return replace(
        entry,
        id=text,
        run_id=text,
        parent_id=text,
        actor=text,
        name=text,
        tags=("t", text),
        use=ModelUse(model=text, provider=text, response_id=text, input_tokens=3),
        failure=Failure(type=text, message=text, traceback=text),
        scope=text,
    )


@pytest.mark.parametrize("entry", [*BARE, a_word()])
def test_an_entry_that_every_store_can_hold_is_returned_unchanged(entry: Entry) -> None:
    said = filled(entry, "né")

    assert storable(entry) is entry
    assert storable(said) is said


@pytest.mark.parametrize("entry", [*BARE, a_word()])
def test_no_text_holds_a_nul_or_half_a_pair(entry: Entry) -> None:
    assert storable(filled(entry, ODD)) == filled(entry, FIT)


@pytest.mark.parametrize("entry", [*BARE, a_word()])
def test_missing_fields_stay_missing(entry: Entry) -> None:
    assert storable(replace(entry, run_id=ODD)) == replace(entry, run_id=FIT)


def test_a_text_beside_entries_is_made_so_too() -> None:
    assert storable_text(ODD) == FIT
    assert storable_text("né") == "né"
    assert storable_text("\ud83d" + "\ude00") == "\ufffd\ufffd"  # two halves in Python, though a pair in JSON


def test_tokens_that_no_call_takes_are_unknown() -> None:
    use = ModelUse(model="m", input_tokens=MOST_TOKENS, output_tokens=MOST_TOKENS + 1, reasoning_tokens=-1)

    entry = storable(a_call(use=use))

    assert isinstance(entry, ActionEntry)
    assert entry.use == ModelUse(model="m", input_tokens=MOST_TOKENS)


def test_a_time_before_1970_becomes_the_beginning_of_1970() -> None:
    epoch, known = datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    year_1, before = datetime.min.replace(tzinfo=UTC), epoch - timedelta(microseconds=1)
    call = replace(a_call(), started_at=year_1, ended_at=before)
    word = replace(a_word(), at=year_1, agent_at=before)

    assert storable(call) == replace(call, started_at=epoch, ended_at=epoch)
    assert storable(replace(call, ended_at=known)) == replace(call, started_at=epoch, ended_at=known)
    assert storable(replace(call, ended_at=None)) == replace(call, started_at=epoch, ended_at=None)
    assert storable(word) == replace(word, at=epoch, agent_at=epoch)
    assert (storable_time(before), storable_time(known)) == (epoch, known)


def test_the_reported_state_of_a_run_has_no_time_before_1970() -> None:
    epoch, known = datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    early = Standing(last_event_at=datetime.min.replace(tzinfo=UTC), progress_at=known)
    told = replace(a_word(), standing=early)
    fit = replace(told, standing=Standing(last_event_at=epoch, progress_at=known))

    assert storable(told) == replace(told, standing=replace(early, last_event_at=epoch))
    assert storable(fit) is fit
