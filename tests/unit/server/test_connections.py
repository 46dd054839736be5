"""Which connection is closed where a new one needs its place."""

from __future__ import annotations

import logging

import pytest

from titan.server.http.connections import ConnectionTracker, OpenConnection, most_connections


def added(tracker: ConnectionTracker, closed: list[str], name: str) -> OpenConnection:
    """Open a connection that writes its name into `closed` when it is closed for another."""
    connection = OpenConnection()
    connection.abort = lambda: closed.append(name)
    if not tracker.add(connection):
        closed.append(name)
    return connection


def test_the_oldest_connection_of_an_unknown_caller_is_closed_first() -> None:
    tracker, closed = ConnectionTracker(3), list[str]()
    tracker.authorize(added(tracker, closed, "known"), "")
    for name in ("first", "second", "third", "fourth"):
        added(tracker, closed, name)

    assert closed == ["first", "second"]


def test_a_request_of_an_unknown_caller_does_not_keep_its_connection_open() -> None:
    tracker, closed = ConnectionTracker(1), list[str]()
    tracker.start_request(added(tracker, closed, "slow"))

    added(tracker, closed, "new")

    assert closed == ["slow"]


def test_of_known_callers_the_connection_is_closed_that_is_idle_longest() -> None:
    tracker, closed = ConnectionTracker(3), list[str]()
    transports = [added(tracker, closed, name) for name in ("a", "b", "c")]
    for transport in transports:
        tracker.authorize(transport, "")
        tracker.end_request(transport)
    tracker.start_request(transports[0])
    tracker.end_request(transports[0])

    added(tracker, closed, "new")

    assert closed == ["b"]


def test_a_request_of_a_known_caller_is_not_broken_off_for_a_new_connection() -> None:
    tracker, closed = ConnectionTracker(4), list[str]()
    for name in ("a", "b", "c", "d"):
        working = added(tracker, closed, name)
        tracker.authorize(working, name)
        tracker.start_request(working)

    added(tracker, closed, "new")

    assert closed == ["new"]


def test_of_the_token_that_holds_most_connections_the_oldest_is_closed_at_last() -> None:
    tracker, closed = ConnectionTracker(8), list[str]()
    for name, token in zip("abcdefgh", ("x", "greedy", "greedy", "greedy", "y", "", "", ""), strict=True):
        working = added(tracker, closed, name)
        tracker.authorize(working, token)
        tracker.start_request(working)

    for name in ("new", "newer"):
        tracker.authorize(added(tracker, closed, name), "z")

    assert closed == ["b", "newer"]


def test_a_closed_connection_leaves_its_place() -> None:
    tracker, closed = ConnectionTracker(1), list[str]()
    transport = added(tracker, closed, "gone")
    tracker.forget(transport)
    tracker.forget(transport)

    added(tracker, closed, "new")

    assert closed == []


def test_the_limit_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    tracker = ConnectionTracker(1)

    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            added(tracker, [], "one")

    (record,) = caplog.records
    assert "connections are at their limit of 1" in record.getMessage()
    assert "ulimit -n" in record.getMessage()


@pytest.mark.parametrize(("descriptors", "connections"), [(64, 16), (256, 64), (400, 136), (20_000, 9_936)])
def test_half_of_the_descriptors_that_the_server_does_not_need_itself_are_for_connections(
    descriptors: int, connections: int
) -> None:
    assert most_connections(descriptors) == connections
