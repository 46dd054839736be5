"""What the store of calls leaves on the disk: all that was acknowledged, and nothing that was deleted."""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import actions_of, check, count, kept, record, recorded_in, run_of, tamper, tape_of
from tests.support.full_disk import MakeRoom, small_disk
from tests.support.processes import a_process
from tests.support.recorded import RUN, a_call, a_word
from tests.support.sources import ROOT
from tests.support.stores import PATIENCE_SECONDS, StandingClock
from tests.support.waiting import wait_until
from titan.model.actions import SHARED_MARK, ActionEntry, Failure, Payload, RunEnd
from titan.model.errors import StoreDamaged, StoreFull
from titan.model.runs import Note
from titan.ports.runs_store import CallReader
from titan.store.runs.sqlite_store import SqliteCallStore
from titan.store.runs.tapes import MAX_DIGESTS, KnownTexts
from titan.store.runs.transaction import TO_SCRUB

#: How many acknowledged commits each life of the server lasts; the second passes SQLite's first checkpoint.
LIVES = (1, 300, 40)

SECRET = "zebracrossing"


def record_then_die(home: Path, *, after: int) -> set[str]:
    """Run a process that records, kill it after so many commits; return the ids it acknowledged."""
    command = [sys.executable, "-m", "tests.support.recording_forever", str(home)]
    with a_process(command, cwd=ROOT) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after)]
        process.kill()
        lines += process.stdout.readlines()
    return {line.strip() for line in lines if line.endswith("\n")}


def test_acknowledged_entries_are_stored_after_a_kill(tmp_path: Path) -> None:
    acknowledged: set[str] = set()

    for life in LIVES:
        acknowledged |= record_then_die(tmp_path, after=life)

    store = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock())
    count(store)  # the totals of what was not acknowledged any more
    run = run_of(store)
    tape = tape_of(store)
    actions = actions_of(store)
    found = check(store)
    store.close()
    assert len(acknowledged) >= sum(LIVES)
    assert acknowledged <= {action.id for action in actions}
    assert run is not None
    assert run.tally.calls == run.entry_count == len(actions) == len(tape)
    assert found.broken is None


# --- nothing of what was deleted ---


def bytes_on_disk(home: Path) -> bytes:
    """Return what stands in all files of the store."""
    return b"".join(path.read_bytes() for path in sorted(home.glob("calls.db*")))


def a_secret_call(number: int) -> ActionEntry:
    """Return a call that holds SECRET wherever there is room for a text."""
    body = Payload(f'{{"{SECRET}in{number}":{SHARED_MARK}}}', (f'"{SECRET}shared{number}"', f'"{SECRET}again"'))
    return replace(
        a_call(f"{SECRET}-{number}", name=f"{SECRET}name", run_id=f"{SECRET}run"),
        inputs=body,
        outputs=Payload(f'"{SECRET}out{number}"', blob=SECRET.ljust(64, "0")),
        failure=Failure(type=f"{SECRET}Error", message=f"{SECRET} message", traceback=SECRET),
        tags=(SECRET,),
        details=f'{{"{SECRET}":1}}',
    )


def innocent_calls(first: int) -> list[ActionEntry]:
    """Return calls of other runs, with words that stand beside those of the secret in the index."""
    words = [f"zebra{number % 700} crossing{number}" for number in range(first, first + 200)]
    return [
        replace(a_call(f"a{first + place}", run_id=f"R_{first}"), inputs=Payload(f'"{text}"'))
        for place, text in enumerate(words)
    ]


@pytest.mark.parametrize("is_packed", [False, True], ids=["as rows", "packed"])
def test_a_forgotten_run_leaves_no_byte(tmp_path: Path, is_packed: bool) -> None:
    clock = StandingClock()
    run_id = f"{SECRET}run"
    store = SqliteCallStore(tmp_path / "calls.db", clock=clock)
    for first in range(0, 1600, 200):
        record(store, *innocent_calls(first), *(a_secret_call(number) for number in range(first // 8, first // 8 + 20)))
    record(store, a_word(run_id=run_id, seconds=9, name=SECRET, end=RunEnd.FAILED, reason=SECRET))
    note = Note(id="n", project_id=PROJECT, run_id=run_id, action_id=None, author=SECRET, at=clock.now(), text=SECRET)
    kept(store, lambda tx: tx.save_note(note))
    if is_packed:
        store.pack(before=clock.now().replace(year=2030), limit=100)
    assert SECRET.encode() in bytes_on_disk(tmp_path)

    kept(store, lambda tx: tx.forget_run(PROJECT, run_id))
    wait_until(lambda: SECRET.encode() not in bytes_on_disk(tmp_path), "nothing is left", seconds=30)
    store.close()

    assert SECRET.encode() not in bytes_on_disk(tmp_path)
    again = SqliteCallStore(tmp_path / "calls.db", clock=clock)
    assert again.read(lambda reader: reader.find_in_run(PROJECT, "R_0", "crossing7 ", limit=9)) == ["a7"]
    again.close()


def test_words_that_were_not_merged_away_yet_are_when_the_store_opens_again(tmp_path: Path) -> None:
    store = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock())
    for first in range(0, 6000, 200):
        record(store, *innocent_calls(first), a_secret_call(first))

    forgetting = store.transact(lambda tx: tx.forget_run(PROJECT, f"{SECRET}run"))
    store.close()
    again = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock())

    assert forgetting.result(PATIENCE_SECONDS)
    wait_until(lambda: SECRET.encode() not in bytes_on_disk(tmp_path), "nothing is left", seconds=30)
    again.close()


def test_bytes_that_a_reader_keeps_in_the_log_go_once_it_has_left(tmp_path: Path) -> None:
    store = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock())
    record(store, *innocent_calls(0), a_secret_call(1))
    with closing(apsw.Connection(str(tmp_path / "calls.db"), flags=apsw.SQLITE_OPEN_READONLY)) as reader:
        reader.execute("begin; select count(*) from runs").fetchall()
        kept(store, lambda tx: tx.forget_run(PROJECT, f"{SECRET}run"))
        assert store.scrub().result(PATIENCE_SECONDS) is False
        assert SECRET.encode() in bytes_on_disk(tmp_path)

    is_clean = store.scrub().result(PATIENCE_SECONDS)

    assert is_clean
    assert SECRET.encode() not in bytes_on_disk(tmp_path)
    assert store.read(lambda calls: calls.note(TO_SCRUB)) is None
    store.close()


def test_words_of_a_run_that_is_deleted_while_others_are_merged_away_go_too(tmp_path: Path) -> None:
    store = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock())
    for first in range(0, 1000, 50):
        wordy = [Payload(f'"{" ".join(f"w{number:x}n{word}" for word in range(400))}"') for number in range(50)]
        calls = [replace(a_call(f"a{n}", run_id=f"R_{first}"), inputs=body) for n, body in enumerate(wordy)]
        record(store, *calls, a_call(f"{SECRET}{first}", name=SECRET, run_id=f"S_{first}"))
    kept(store, lambda tx: tx.forget_run(PROJECT, "S_0"))  # more words than are merged at once

    kept(store, lambda tx: [tx.forget_run(PROJECT, f"S_{first}") for first in range(50, 1000, 50)])

    assert store.scrub().result(PATIENCE_SECONDS)
    assert SECRET.encode() not in bytes_on_disk(tmp_path)
    store.close()


# --- a full disk ---


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Return where the small disk is."""
    return tmp_path / "disk"


@pytest.fixture
def make_room(disk: Path) -> Iterator[MakeRoom]:
    """Make the disk small, until the function is called."""
    with small_disk(disk, size_bytes=4 * 1024 * 1024) as make_room:
        yield make_room


def test_on_a_full_disk_nothing_is_half_stored_and_with_room_writing_continues(disk: Path, make_room: MakeRoom) -> None:
    store = SqliteCallStore(disk / "calls.db", clock=StandingClock())
    acknowledged: list[str] = []
    refused: BaseException | None = None

    while refused is None:
        id = f"a{len(acknowledged)}"
        try:
            large = replace(a_call(id), inputs=Payload(SHARED_MARK, ('"same"', f'"{"x" * 100_000}{id}"')))
            kept(store, lambda tx, large=large: recorded_in(tx, large))  # type: ignore[misc]  # mypy does not see through a default
            acknowledged.append(id)
        except StoreFull as error:
            refused = error

    def ids(reader: CallReader) -> list[str]:
        return [action.id for action in reader.actions_of_run(PROJECT, RUN)]

    while_full = store.read(ids)
    make_room()
    record(store, replace(a_call("later"), inputs=Payload(SHARED_MARK, ('"same"',))))
    after, found = store.read(ids), check(store)
    store.close()

    assert "Free some space" in str(refused)
    assert acknowledged
    assert while_full == acknowledged
    assert after == [*acknowledged, "later"]
    assert found.broken is None


# --- the index of words ---


def test_the_words_of_a_transaction_are_one_part_of_the_index(tmp_path: Path) -> None:
    store = SqliteCallStore(tmp_path / "calls.db", clock=StandingClock())

    record(store, *(call for first in range(0, 800, 200) for call in innocent_calls(first)))

    store.close()
    with closing(apsw.Connection(str(tmp_path / "calls.db"))) as connection:
        assert connection.execute("select count(distinct segid) from words_idx").fetchall() == [(1,)]


# --- what is remembered of texts ---


def test_the_texts_of_runs_asked_for_long_ago_are_forgotten() -> None:
    texts = KnownTexts()
    for run_no in range(3):
        known = texts.of_run(run_no, dict)
        known.update((b"%d" % number, number) for number in range(MAX_DIGESTS // 2))
        texts.grew(MAX_DIGESTS // 2)
        texts.trim()

    assert [len(texts.of_run(run_no, dict)) for run_no in (2, 1, 0)] == [MAX_DIGESTS // 2, MAX_DIGESTS // 2, 0]


@pytest.mark.parametrize(
    "damage",
    [
        "pragma ignore_check_constraints = on; update actions set outcome = 'succ0ss'",
        "update actions set name = cast(x'ff41' as text)",
    ],
)
def test_a_row_that_no_constraint_would_let_in_is_named_as_damaged(tmp_path: Path, damage: str) -> None:
    with closing(SqliteCallStore(tmp_path / "calls.db", clock=StandingClock())) as store:
        record(store, a_call())
        tamper(store, damage)

        with pytest.raises(StoreDamaged, match="found one that cannot be read"):
            actions_of(store)
        with pytest.raises(StoreDamaged, match="found one that cannot be read"):
            record(store, a_call(ends=5))
