"""Frames of events, however they are cut into packets."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from titan_sdk.api.queries import EventReader

RESYNC = b'event: resync\nid: 4\ndata: {"cursor":"4"}\n\n'


def frame(cursor: int, text: str = "") -> bytes:
    event = {"cursor": str(cursor), "kind": "JobReady", "data": {"text": text}}
    return f"id: {cursor}\nevent: JobReady\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


@given(cuts=st.lists(st.integers(1, 400), max_size=6), text=st.text(max_size=20))
def test_events_come_whole_however_they_are_cut(cuts: list[int], text: str) -> None:
    stream = b": connected\n\n" + frame(5, text) + b": still here\n\n" + frame(7)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    reader = EventReader(cursor="4", yields_first_resync=True)

    events = [event for start, end in pairwise(edges) for event in reader.read(stream[start:end])]

    assert [(event["cursor"], event["data"]["text"]) for event in events] == [("5", text), ("7", "")]
    assert reader.cursor == "7"


def test_a_resync_that_was_asked_for_is_no_news_and_a_later_one_is() -> None:
    reader = EventReader(cursor="", yields_first_resync=False)

    first, cursor, second = list(reader.read(RESYNC)), reader.cursor, list(reader.read(RESYNC))

    assert (first, cursor, second) == ([], "4", [{"kind": "resync", "cursor": "4"}])


def test_half_a_frame_of_a_broken_connection_is_forgotten() -> None:
    reader = EventReader(cursor="4", yields_first_resync=True)
    assert list(reader.read(frame(5)[:20])) == []

    reader.begin()

    assert [event["cursor"] for event in reader.read(frame(5))] == ["5"]
