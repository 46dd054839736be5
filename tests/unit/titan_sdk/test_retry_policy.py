"""How long a request is repeated, by what went wrong."""

from __future__ import annotations

import socket
import time

import pytest

from titan_sdk.http import Response
from titan_sdk.http.transport import LONGEST_PAUSE_SECONDS, RetryPolicy, is_passing

REFUSED = ConnectionRefusedError(111, "Connection refused")


def test_pauses_double_up_to_the_longest() -> None:
    policy = RetryPolicy(60, server="here")

    pauses = [policy.pause_after(REFUSED, began=time.monotonic()) or 0 for _ in range(9)]

    assert [pause <= min(0.05 * 2**number, LONGEST_PAUSE_SECONDS) for number, pause in enumerate(pauses)] == [True] * 9
    assert [pause >= min(0.025 * 2**number, 0.5) for number, pause in enumerate(pauses)] == [True] * 9


def test_no_time_for_retries_is_one_try() -> None:
    assert RetryPolicy(0, server="here").pause_after(REFUSED, began=time.monotonic()) is None


def test_a_silence_counts_from_its_beginning() -> None:
    policy = RetryPolicy(60, server="here")

    assert policy.pause_after(TimeoutError("timed out"), began=time.monotonic() - 61) is None


def test_a_break_counts_from_its_end() -> None:
    policy = RetryPolicy(60, server="here")

    assert policy.pause_after(ConnectionResetError(), began=time.monotonic() - 61) is not None


def test_a_host_that_nobody_knows_is_not_asked_for_again() -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert RetryPolicy(60, server="here").pause_after(unknown, began=time.monotonic()) is None


@pytest.mark.parametrize(
    ("status", "body", "passes"),
    [
        (503, b'{"error": {"type": "StoreUnavailable"}}', True),
        (503, b"starting", True),
        (503, b'{"error": {"type": "ModelUnavailable"}}', False),
        (503, b'{"error": {"type": "ModelNotConfigured"}}', False),
        (500, b"", False),
        (409, b"", False),
        (200, b"", False),
    ],
)
def test_only_a_503_that_is_not_about_the_model_passes_by_itself(status: int, body: bytes, passes: bool) -> None:
    assert is_passing(Response(status, {}, body)) is passes
