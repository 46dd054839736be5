"""Requests with recorded entries to one server: what an answer means, and when to try again."""

from __future__ import annotations

import json
import time
from enum import Enum
from typing import NamedTuple

from titan_sdk.errors import TitanError
from titan_sdk.recording.entry import body_of
from titan_sdk.recording.limits import (
    ANSWER_SECONDS,
    BYTES_A_SECOND,
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    LONGEST_RETRY_AFTER_SECONDS,
    MOST_FAULTS,
    PROBE_SECONDS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from titan_sdk.http.transport import Transport

__all__ = ["Answer", "Delivery", "Verdict", "post_to", "verdict_of"]


class Verdict(Enum):
    """What became of one request."""

    TAKEN = "committed"
    REFUSED = "an entry in it breaks the server's rules, or it is too large"
    UNWANTED = "the server does not record, or does not know whose it is"
    FAULT = "the server failed over what it holds; other requests may go through"
    DENIED = "the server lets nothing of this program in"
    AWAY = "no answer, or one that says nothing about the entries: they may be sent again"


class Answer(NamedTuple):
    """What became of one request, and why in words."""

    verdict: Verdict
    reason: str = ""
    #: how long the server wants to be left alone
    retry_after_seconds: float = 0.0


class Delivery:
    """Sends entries to one server, and keeps to the retry policy of `titan_sdk.recording.limits`. One thread's."""

    def __init__(
        self,
        post: Callable[[bytes, float], Answer],
        *,
        refuse: Callable[[str, str], object],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`post` sends a body within so many seconds; `refuse` gets each entry that the server refuses, and why."""
        self._post = post
        self._refuse = refuse
        self._now = now
        self._pause = 0.0
        self._faults = 0
        #: until when the server wants to be left alone, even by a process that ends
        self._not_before = 0.0
        #: when it is asked again after a failure, and by when all is to be over, on the clock
        self.retry_at = 0.0
        self.deadline: float | None = None
        self.taken = 0
        #: what the last request came to
        self.answer = Answer(Verdict.TAKEN)

    def is_paused(self) -> bool:
        """Whether the server is not asked now: it did not answer last, or there is no time left."""
        return self._now() < self.retry_at or (self.deadline is not None and self._now() >= self.deadline)

    def hurry(self, deadline: float) -> None:
        """Try once more, unless the server has asked for a pause; and no longer than until `deadline`."""
        if self.deadline is None:
            self.retry_at = self._not_before
        self.deadline = deadline

    def send(self, entries: Sequence[str]) -> list[int]:
        """Post entries in one request, or each by itself where the server refuses them together.

        Return which are to be sent again, by their places.
        """
        verdict, reason, _ = self._posted(body_of(entries))
        if verdict is Verdict.TAKEN:
            self.taken += len(entries)
            return []
        if verdict is not Verdict.REFUSED:
            return list(range(len(entries)))
        if len(entries) == 1:
            self._refuse(entries[0], reason)
            return []
        return [place for place, entry in enumerate(entries) if self.is_paused() or self.send([entry])]

    def _posted(self, body: bytes) -> Answer:
        seconds = max(PROBE_SECONDS, self._pause) if self._pause else ANSWER_SECONDS
        seconds += min(len(body) / BYTES_A_SECOND, ANSWER_SECONDS)
        if self.deadline is not None:
            seconds = max(0.01, min(seconds, self.deadline - self._now()))
        answer = self.answer = self._post(body, seconds)
        self._faults = self._faults + 1 if answer.verdict is Verdict.FAULT else 0
        if answer.verdict in _WAITS or self._faults >= MOST_FAULTS:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            asked = min(answer.retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS)
            self._not_before = self._now() + asked if asked > 0 else 0.0
            self.retry_at = self._now() + max(self._pause, asked)
        elif answer.verdict is not Verdict.FAULT:
            self._pause, self.retry_at, self._not_before = 0.0, 0.0, 0.0
        return answer


_WAITS = (Verdict.AWAY, Verdict.DENIED, Verdict.UNWANTED)


def post_to(transport: Transport, *, lease_id: str | None = None) -> Callable[[bytes, float], Answer]:
    """Return what posts bodies of entries to a server, once each.

    A job's lease says whose those are that name no run.
    """
    where = f"{transport.host}:{transport.port}"

    def post(body: bytes, within_seconds: float) -> Answer:
        try:
            response = transport.request(
                *("POST", "/api/v1/actions"),
                query={"lease": lease_id},
                body=body,
                content_type="application/json",
                timeout_seconds=within_seconds,
                mutation=False,  # entries are known by their ids: no receipt need be kept for each request
                retry_for_seconds=0,
            )
        except TitanError as error:
            if isinstance(error.__cause__, TimeoutError):
                if within_seconds < PROBE_SECONDS:  # at an exit
                    return Answer(Verdict.AWAY)
                return Answer(Verdict.AWAY, f"the server at {where} did not answer within {within_seconds:.2g} s")
            return Answer(Verdict.AWAY, f"no Titan answers at {where} (TITAN_HOST, TITAN_PORT)")
        verdict = verdict_of(response.status)
        if verdict is Verdict.TAKEN:
            return Answer(verdict)
        reason = f"the server at {where} answered HTTP {response.status}{_message_in(response.body)}"
        asked = response.headers.get("retry-after", "").strip()
        retry_after = float(asked) if asked.isascii() and asked.isdigit() else 0.0
        return Answer(verdict, reason, retry_after)

    return post


def verdict_of(status: int) -> Verdict:
    """Return what an answer's status says about the entries."""
    if status < 300:
        return Verdict.TAKEN
    if status in (400, 413, 422):
        return Verdict.REFUSED
    if status in (404, 405):
        return Verdict.UNWANTED
    if status in (401, 403):
        return Verdict.DENIED
    return Verdict.FAULT if status in (500, 501) else Verdict.AWAY


def _message_in(body: bytes) -> str:
    """Return the message of an error that the server answered with, on one line."""
    try:
        return " " + " ".join(str(json.loads(body)["error"]["message"]).split())[:500]
    except (ValueError, LookupError, TypeError):
        return ""
