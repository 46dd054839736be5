"""What words are found in and how, and how far a search over all runs looks, and that it says so."""

from collections.abc import Callable
from functools import partial

import pytest
from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import kept, record, run_of
from tests.support.recorded import RUN, a_call, a_word
from titan.model.actions import SHARED_MARK, Payload
from titan.ports.runs_store import CallFilter, CallReader, CallStore, RunFilter

CONTENT = {
    "a1": '{"q":"Crème brûlée","path":"src/main.py"}',
    "a2": '"line one\\nline two"',
    "a3": '"\\u00e9t\\u00e9 caf\\u00e9"',
    "a4": '"the quick brown fox"',
    "a5": '"brown the quick fox"',
    "a6": '"価格 は 100 円"',
    "a7": '{"$shared":0}',
    "a8": '"C:\\\\new\\\\table"',
}


def with_words(calls: CallStore) -> CallStore:
    """Record a run whose calls hold CONTENT, and another."""
    for seconds, (id, text) in enumerate(CONTENT.items()):
        shared = ('{"role":"user","content":"where is the giraffe"}',) if SHARED_MARK in text else ()
        record(calls, replace(a_call(id, name="tool", begins=seconds, ends=seconds), inputs=Payload(text, shared)))
    record(calls, replace(a_call(run_id="R_2"), outputs=Payload('"quick giraffe"'), tags=("billing",)))
    return calls


@pytest.fixture(scope="module")
def words(new_calls: Callable[[], CallStore]) -> CallStore:
    """Return a store with words, to be read."""
    return with_words(new_calls())


def test_a_call_and_a_run_are_found_by_their_tags(calls: CallStore) -> None:
    words = with_words(calls)
    record(words, replace(a_word(run_id="R_3"), tags=("nightly",)))

    def found(reader: CallReader, text: str) -> list[str]:
        wanted = RunFilter(text=text)
        runs, _ = reader.registry(PROJECT, wanted, sort="started", is_ascending=False, after=None, limit=9)
        return [run.id for run in runs]

    assert words.read(lambda reader: found(reader, "billing")) == ["R_2"]
    assert words.read(lambda reader: found(reader, "nightly")) == ["R_3"]


def test_runs_are_found_by_name_alone_where_that_is_asked_for(calls: CallStore) -> None:
    words = with_words(calls)
    record(words, a_word(run_id="R_3", name="the giraffe"))

    def found(reader: CallReader, *, is_by_name: bool) -> list[str]:
        wanted = RunFilter(text="giraffe", is_by_name=is_by_name)
        assert not reader.is_search_capped(wanted)
        runs, _ = reader.registry(PROJECT, wanted, sort="started", is_ascending=False, after=None, limit=9)
        assert reader.count_runs(PROJECT, wanted, up_to=9) == len(runs)
        return sorted(run.id for run in runs)

    assert words.read(lambda reader: found(reader, is_by_name=True)) == ["R_3"]
    assert words.read(lambda reader: found(reader, is_by_name=False)) == ["R_1", "R_2", "R_3"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("creme", ["a1"]),
        ("CRÈME brulee", ["a1"]),
        ("main.py", ["a1"]),
        ("q", ["a1", "a4", "a5"]),
        ("line", ["a2"]),
        ("two", ["a2"]),
        ("nline", []),
        ("ete", ["a3"]),
        ("u00e9", []),
        ("quick fox", ["a4", "a5"]),
        ('"quick fox"', ["a5"]),
        ('"the quick" brown', ["a4", "a5"]),
        ('"quick brown', ["a4"]),
        ("fo", ["a4", "a5"]),
        ("fo quick", []),
        ("fo ", []),
        ("fox ", ["a4", "a5"]),
        ("価格", ["a6"]),
        ("100", ["a6"]),
        ("giraffe", ["a7"]),
        ("tool giraffe", ["a7"]),
        ("new table", ["a8"]),
        ("", []),
        ("?!", []),
        ('"', []),
        ('""', []),
        ("quick*", ["a4", "a5"]),
        ("quick OR giraffe", []),
        ("NOT quick", []),
        ("text:quick", []),
        ("(quick", ["a4", "a5"]),
        ("absent", []),
        (" ".join(["fox"] * 100), ["a4", "a5"]),
    ],
)
def test_words_are_found_in_a_run(words: CallStore, text: str, ids: list[str]) -> None:
    assert words.read(lambda reader: reader.find_in_run(PROJECT, RUN, text, limit=99)) == ids


def test_words_of_a_repeated_message_are_found_where_it_was_new(calls: CallStore) -> None:
    message = '"giraffe"'
    record(calls, *(replace(a_call(f"a{n}"), inputs=Payload(SHARED_MARK, (message,))) for n in range(3)))

    assert calls.read(lambda reader: reader.find_in_run(PROJECT, RUN, "giraffe", limit=9)) == ["a0"]


def test_no_more_are_found_than_asked_for_and_each_once(calls: CallStore) -> None:
    words = with_words(calls)
    record(words, replace(a_call("a4", begins=3, ends=3), outputs=Payload('"fox"')))

    assert words.read(lambda reader: reader.find_in_run(PROJECT, RUN, "fox", limit=99)) == ["a4", "a5"]
    assert words.read(lambda reader: reader.find_in_run(PROJECT, RUN, "fox", limit=1)) == ["a4"]


def test_an_archived_run_is_found_by_no_word_and_a_restored_one_by_all(calls: CallStore) -> None:
    words = with_words(calls)
    run = run_of(words)
    assert run is not None

    kept(words, lambda tx: tx.archive_run(run))
    archived = words.read(lambda reader: reader.find_in_run(PROJECT, RUN, "giraffe", limit=9))
    kept(words, lambda tx: tx.restore_run(run))

    assert archived == []
    assert words.read(lambda reader: reader.find_in_run(PROJECT, RUN, "giraffe", limit=9)) == ["a7"]
    assert words.read(lambda reader: reader.find_in_run(PROJECT, RUN, "quick fox", limit=9)) == ["a4", "a5"]


def test_a_search_looks_at_the_newest_hits_but_where_something_else_is_asked_for_too(calls: CallStore) -> None:
    old = [replace(a_call(f"o{n}", run_id="R_old", begins=n), outputs=Payload('"salmon"')) for n in range(3)]
    record(calls, a_word(run_id="R_old", agent_id="fisher"), *old)
    record(calls, *(replace(a_call(f"n{n}", cost="1"), outputs=Payload('"salmon"')) for n in range(3_000)))

    def found(reader: CallReader, wanted: CallFilter) -> tuple[int, bool]:
        page = reader.ledger(PROJECT, wanted, sort="time", is_ascending=True, skip=0, limit=9_999, up_to=9_999)
        assert len(page.calls) == page.total
        return page.total, page.is_search_capped

    def found_runs(reader: CallReader, wanted: RunFilter) -> tuple[int, bool]:
        return reader.count_runs(PROJECT, wanted, up_to=9), reader.is_search_capped(wanted)

    salmon = CallFilter(text="salmon")
    assert calls.read(partial(found, wanted=salmon)) == (3_000, True)
    assert calls.read(partial(found, wanted=CallFilter(text="salmon", run_id="R_old"))) == (3, False)
    assert calls.read(partial(found, wanted=CallFilter(text="salmon", run_id="nobody"))) == (0, False)
    assert calls.read(partial(found, wanted=CallFilter(text="salmon", agent_id="fisher"))) == (3, False)
    assert calls.read(partial(found, wanted=CallFilter(text="trout"))) == (0, False)
    assert calls.read(partial(found, wanted=CallFilter(agent_id="fisher"))) == (3, False)
    assert sum(one.calls for one in calls.read(lambda reader: reader.sums_of_calls(PROJECT, salmon))) == 3_003
    assert calls.read(partial(found_runs, wanted=RunFilter(text="salmon"))) == (1, True)
    assert calls.read(partial(found_runs, wanted=RunFilter(text="salmon", is_searched_whole=True))) == (2, False)
    assert calls.read(partial(found_runs, wanted=RunFilter(text="salmon", agent_id="fisher"))) == (1, False)


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ("今天天气很好", True),
        ("天气", True),
        ("気", True),
        ("東京タワー", True),
        ("タワ", True),
        ("行きます", True),
        ('"天气很好"', True),
        ("天气 salmon", True),
        ("v2的", True),
        ("气天", False),
        ("天東", False),
        ("タワ salm", True),
        ("タワ trout", False),
        ("😀", False),
    ],
)
def test_chinese_and_japanese_are_found_by_any_part_of_text_without_spaces(
    calls: CallStore, asked: str, is_found: bool
) -> None:
    said = Payload('"今天天气很好 🙂 東京タワーへ行きます 天気 salmon v2的 \\u6771\\u4eac"')
    record(calls, replace(a_call("a1"), inputs=said), a_call("a2", run_id="other"))

    found = calls.read(lambda reader: reader.find_in_run(PROJECT, RUN, asked, limit=9))

    assert found == (["a1"] if is_found else [])
