"""Brings batches to the server, or to the disk while it is away, and from there to the server once it is back."""

from __future__ import annotations

import json
import time
from collections import deque
from enum import Enum
from typing import NamedTuple

from titan_sdk.errors import TitanError
from titan_sdk.recording import redact, spool
from titan_sdk.recording.losses import Losses
from titan_sdk.recording.mistakes import to_stderr
from titan_sdk.recording.told import Lost, Told, body_of, texts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from titan_sdk.recording.spool import Spool
    from titan_sdk.transport import Transport

__all__ = ["Answer", "Delivery", "Verdict", "post_to"]

FIRST_PAUSE_SECONDS = 0.5  # a restarted server is back within it
LONGEST_PAUSE_SECONDS = 5.0
ANSWER_SECONDS = 5.0  # a commit takes 10 ms; what waits meanwhile is lost if the process is killed
PROBE_SECONDS = 1.0  # of a server that did not answer last: where it hangs, what comes meanwhile is to go to the disk
BYTES_A_SECOND = 2**20  # that a busy server surely takes; a batch of 1 MiB comes in 0.1 s
_NO_ROOM = "the server is away, and they cannot be kept"
HELD_BYTES = 16 * 2**20  # in memory, where no disk takes it
MOST_FAULTS = 5  # of one body, while the server takes others: what is wrong with it does not pass
_FAULTS_IN_A_ROW = 3  # of different bodies: then it is the server that is not well
MOST_REFUSALS = 3  # of one file in a row, before it lets others go first: 3.5 s, in which a server restarts
REST_SECONDS = (
    60.0  # of such a file, once the server has taken others meanwhile: then it is this one that it cannot take
)
LONGEST_RETRY_AFTER_SECONDS = 300.0  # a server may ask for more; it is asked again then
CLEANED_AT_ONCE = 32  # entries, in 1 ms: so long a caller's thread may wait for the interpreter's lock
_MOST_SAID = 10  # lines on stderr
_NO_RECORDING = "the server is of a version that records nothing"


class Verdict(Enum):
    """What became of one request."""

    TAKEN = "committed"
    REFUSED = "an entry in it is not what the server takes, or it is too large"
    UNWANTED = "this server will never take it: it is of a version that records nothing"
    FAULT = "the server failed over what it holds; others may go through"
    DENIED = "the server lets nothing of this program in"
    AWAY = "no answer, or none that says anything about the entries: they may be sent again"


class Answer(NamedTuple):
    """What became of one request, and why in words, if the server said so."""

    verdict: Verdict
    reason: str = ""
    #: how long the server wants to be left alone
    retry_after_seconds: float = 0.0
    #: how long it was waited for, where somebody listens there but nothing came
    silent_seconds: float = 0.0


class Delivery:
    """One process's way for batches. One thread's at a time, but for `keep`."""

    def __init__(
        self,
        post: Callable[[bytes, float], Answer],
        kept: Spool | None,
        *,
        now: Callable[[], float] = time.monotonic,
        say: Callable[[str], object] | None = None,
        held_bytes: int = HELD_BYTES,
        where: str = "",
    ) -> None:
        """`post` sends a body within so many seconds; `kept` is the folder for bad times, if there is one.

        `where` is the server's address, for people.
        """
        self._where = where
        self._last_answer = Answer(Verdict.TAKEN)
        self._post = post
        self._kept = kept
        self._now = now
        self._say = say or to_stderr
        self._most_held_bytes = held_bytes
        #: Bodies that no disk took, with the number of their entries.
        self._held: deque[tuple[bytes, int]] = deque()
        self._held_bytes = 0
        self._pause = 0.0
        self._try_at = 0.0
        #: until when the server wants to be left alone, even by a process that ends
        self._not_before = 0.0
        self._said: set[str] = set()
        #: Of what waits, by its path or body: how often the server failed over it, and `_taken` at the last time.
        self._faults: dict[str | bytes, tuple[int, int]] = {}
        self._faults_in_a_row = 0
        self._taken = 0
        #: Of the folder, as it was last looked at.
        self._files: deque[str] = deque()
        self._may_have_files = kept is not None
        #: Files that the server would not take yet: how often, `_taken` at the last time, and until when each rests.
        self._refusals: dict[str, tuple[int, int, float]] = {}
        self._look_at = 0.0
        self._has_answered = False
        #: Entries that the server has not been told of as lost.
        self.losses = Losses()
        self._lost = 0
        self._said_lost = 0
        #: whether callers' threads need not be let go on: the process ends, or so many notes wait that some get lost
        self.is_in_haste = False
        #: what was given last: of what was kept, its run is told what was lost
        self._last = Lost(None, time.time_ns())

    @property
    def wait_seconds(self) -> float | None:
        """In how many seconds there is something to do without a new batch; None when there is not."""
        if not self._held and not self._may_have_files:
            return None
        look_at = 0.0 if self._held or self._files else self._look_at
        return max(0.0, self._try_at - self._now(), look_at - self._now())

    @property
    def dropped(self) -> int:
        """How many entries were lost that the server has not been told of."""
        return self.losses.count

    def give(self, batch: Sequence[Told], *, within_seconds: float | None = None) -> None:
        """Deliver a batch, or keep it."""
        self._last = batch[-1].lost._replace(earlier=0)
        if self.is_away or self._send(batch, within_seconds) in _KEPT:
            self.keep(batch)

    def go_on(self, *, within_seconds: float | None = None) -> None:
        """Deliver one batch that was kept, if it is time to try."""
        if self.is_away:
            return
        if self._held:
            body, count = self._held[0]  # there until it has gone: the process may end meanwhile, see `put_away`
            if self._deliver_kept(body, body, count, within_seconds):
                self._held.popleft()
                self._held_bytes -= len(body)
            elif self._faults_in_a_row:
                self._held.rotate(-1)  # others may go through
        elif self._kept is not None:
            self._deliver_file(self._kept, within_seconds)

    def finish(self, by: float) -> None:
        """Try once more, whether it is time or not, and deliver what was kept, until `by` on the clock."""
        self.hurry()
        while self.wait_seconds == 0 and (left := by - self._now()) > 0:
            self.go_on(within_seconds=left)

    def empty(self) -> bool:
        """Deliver what waits, one after the other; return whether nothing does any more.

        What the server does not take now waits for the next time.
        """
        self.hurry()
        while (wait_seconds := self.wait_seconds) is not None:
            if wait_seconds > 0:
                return False
            self.go_on()
        return True

    def hurry(self) -> None:
        """Try now, unless the server has asked for a pause."""
        self._try_at = self._not_before

    def keep(self, batch: Sequence[Told]) -> None:
        """Keep a batch for later: on disk, without secrets; where that cannot be, in memory; else it is dropped."""
        self._keep_body(_clean_body(batch, is_in_haste=lambda: self.is_in_haste), [told.lost for told in batch])

    def put_away(self) -> None:
        """Bring to the disk what is held in memory: the process ends. What cannot be kept is dropped."""
        while self._held:
            body, count = self._held.popleft()
            if self._kept is None or not self._kept.add(body, entries=count):
                self.drop([self._last] * count, self._no_room)
        self._held_bytes = 0

    def say_what_is_left(self) -> None:
        """Say in one line what waits for the server as the process ends, and in another one what was lost in all."""
        if self._kept is not None and (waiting := self._kept.waiting()):
            entries = "1 recorded entry waits" if waiting == 1 else f"{waiting:,} recorded entries wait"
            self._say(f"titan_sdk: {entries} in {self._kept.folder}: {self._why_they_wait}")
        if self._lost > self._said_lost:
            self._say(f"titan_sdk: recorded entries are lost: {self._lost:,} in all")

    @property
    def _why_they_wait(self) -> str:
        verdict, reason, _, silent_seconds = self._last_answer
        if verdict is Verdict.TAKEN or 0 < silent_seconds < PROBE_SECONDS:
            return f"there was no time to bring them to {self._where}; the next program that records takes them along"
        if reason:
            return f"the server at {self._where} answered {reason}"
        if silent_seconds:
            return f"the server at {self._where} did not answer within {silent_seconds:.2g} s"
        return f"no Titan answers at {self._where} (TITAN_HOST, TITAN_PORT)"

    @property
    def _no_room(self) -> str:
        if self._kept is None:
            return f"{_NO_ROOM}: there is no folder for them (TITAN_SPOOL)"
        return f"{_NO_ROOM} in {self._kept.folder}: {self._kept.problem}"

    def drop(self, lost: Sequence[Lost], why: str) -> None:
        """Count entries that are lost, and say so: each reason once on stderr, and to their runs at the server."""
        self.losses.add(lost)
        number = _number_of(lost)
        self._lost += number
        if number and self._say_once(why, f"titan_sdk: recorded entries are lost ({self._lost:,} so far): {why}"):
            self._said_lost = self._lost

    def _say_once(self, what: str, text: str) -> bool:
        if what in self._said or len(self._said) >= _MOST_SAID:
            return False
        self._said.add(what)
        self._say(text)
        return True

    def _keep_body(self, body: bytes, entries: Sequence[Lost]) -> None:
        if self._is_kept_on_disk(body, len(entries)):
            return
        if self._held_bytes + len(body) <= self._most_held_bytes:
            self._held.append((body, _number_of(entries)))
            self._held_bytes += len(body)
        else:
            self.drop(entries, self._no_room)

    @property
    def is_away(self) -> bool:
        """Whether it is not asked now, for it did not answer last."""
        return self._now() < self._try_at

    @property
    def is_silent(self) -> bool:
        """Whether somebody listened at the server's address, but did not answer last."""
        return self._last_answer.silent_seconds > 0

    def _patience_seconds(self, size_bytes: int) -> float:
        least = ANSWER_SECONDS if self._has_answered else max(PROBE_SECONDS, self._pause)
        return least + min(size_bytes / BYTES_A_SECOND, ANSWER_SECONDS)

    def _send(self, batch: Sequence[Told], within_seconds: float | None) -> Verdict:
        verdict, reason, *_ = self._posted(body_of(texts_of(batch)), within_seconds)
        if verdict is Verdict.REFUSED and len(batch) > 1:
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                self.give(half, within_seconds=within_seconds)
        elif verdict is Verdict.REFUSED:
            self.drop([batch[0].lost], _refusal(batch[0].name, reason))
        elif verdict is Verdict.UNWANTED:
            self.drop([told.lost for told in batch], reason or _NO_RECORDING)
        return verdict

    def _posted(self, body: bytes, within_seconds: float | None) -> Answer:
        answer = self._last_answer = self._post(body, within_seconds or self._patience_seconds(len(body)))
        verdict = answer.verdict
        self._has_answered = verdict is not Verdict.AWAY
        self._faults_in_a_row = self._faults_in_a_row + 1 if verdict is Verdict.FAULT else 0
        if verdict is Verdict.TAKEN:
            self._taken += 1
        if verdict is Verdict.DENIED:
            self._say_once("denied", f"titan_sdk: recorded entries wait, the server lets none in: {answer.reason}")
        if verdict in (Verdict.AWAY, Verdict.DENIED) or self._faults_in_a_row >= _FAULTS_IN_A_ROW:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            asked = min(answer.retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS)
            self._not_before = self._now() + asked if asked > 0 else 0.0
            self._try_at = self._now() + max(self._pause, asked)
        else:
            self._pause, self._try_at, self._not_before = 0.0, 0.0, 0.0
        return answer

    def _deliver_file(self, kept: Spool, within_seconds: float | None) -> None:
        if not self._files:
            self._look_into(kept)
        if not self._files:
            return
        path = self._files.popleft()  # what is not delivered is found again when all others have had their turn
        body = spool.read(path)
        if body is not None and not self._deliver_kept(path, body, 1, within_seconds):
            if not self._faults_in_a_row:
                self._note_refusal(path)
            return
        self._refusals.pop(path, None)
        if not spool.forget(path) and not self._files:
            self._may_have_files = False  # or it would go out for ever

    def _look_into(self, kept: Spool) -> None:
        """Line up the files that wait: the oldest first, behind them those that the server would not take so far."""
        paths = kept.paths()
        self._refusals = {path: self._refusals[path] for path in paths if path in self._refusals}
        now = self._now()
        resting = {path: until for path, (_, _, until) in self._refusals.items() if until > now}
        self._files.extend(
            sorted((path for path in paths if path not in resting), key=lambda path: self._has_had_its_turns(path))
        )
        self._may_have_files = bool(paths)
        self._look_at = min(resting.values(), default=0.0) if not self._files else 0.0

    def _has_had_its_turns(self, path: str) -> bool:
        return self._refusals.get(path, (0, 0, 0.0))[0] >= MOST_REFUSALS

    def _note_refusal(self, path: str) -> None:
        """Have a file go first again, up to three times; then others do.

        Where the server has taken others meanwhile, the file alone waits, and what comes new does not.
        """
        count, taken, _ = self._refusals.get(path, (0, self._taken, 0.0))
        count += 1
        if count < MOST_REFUSALS:
            self._files.appendleft(path)
        rests_until = 0.0
        if count > MOST_REFUSALS and self._taken > taken:
            rests_until = max(self._now() + REST_SECONDS, self._not_before)
            self._pause, self._try_at = 0.0, self._not_before
        self._refusals[path] = (count, self._taken, rests_until)

    def _deliver_kept(self, key: str | bytes, body: bytes, count: int, within_seconds: float | None) -> bool:
        """Send a body of `count` entries; return whether that is done with, one way or another."""
        verdict, reason, *_ = self._posted(body, within_seconds)
        if verdict is Verdict.REFUSED or (verdict is Verdict.FAULT and self._is_hopeless(key)):
            return self._deliver_one_by_one(body, within_seconds)
        if verdict is Verdict.UNWANTED:
            self.drop([self._last] * count, reason or _NO_RECORDING)
        return verdict not in _KEPT

    def _is_hopeless(self, key: str | bytes) -> bool:
        """Count a fault, and return whether that was the last. Only those count between which others were taken."""
        count, taken = self._faults.get(key, (0, -1))
        if self._taken > taken:
            count += 1
        self._faults[key] = (count, self._taken)
        if count < MOST_FAULTS:
            return False
        del self._faults[key]
        return True

    def _deliver_one_by_one(self, body: bytes, within_seconds: float | None) -> bool:
        """Send each entry of a body by itself; return whether that is done with, one way or another.

        What there was no answer to is on the disk then. Where it cannot be, the body is to stay as it is: what of it
        the server has taken counts once, and of the others nothing is said yet.
        """
        entries = _entries_in(body)
        if entries is None:
            self.drop([self._last], "a file that was kept for the server is no JSON of entries")
            return True
        failed: list[tuple[bytes, str]] = []
        refused: list[str] = []
        for number, entry in enumerate(entries):
            body = json.dumps({"entries": [entry]}).encode()
            verdict, reason, *_ = self._posted(body, within_seconds)
            if verdict in (Verdict.AWAY, Verdict.DENIED):
                rest = entries[number:]
                if not self._is_kept_on_disk(json.dumps({"entries": rest}).encode(), len(rest)):
                    return False
                break
            if verdict is Verdict.FAULT:
                failed.append((body, reason))
            elif verdict is not Verdict.TAKEN:
                refused.append(_refusal(entry.get("name") if isinstance(entry, dict) else entry, reason))
        for body, reason in failed:
            self._put_aside(body, reason)
        for why in refused:
            self.drop([self._last], why)
        return True

    def _is_kept_on_disk(self, body: bytes, entries: int) -> bool:
        if self._kept is None or not self._kept.add(body, entries=entries):
            return False
        self._may_have_files, self._look_at = True, 0.0
        return True

    def _put_aside(self, body: bytes, reason: str) -> None:
        """Keep an entry that the server fails over where nothing tries it again but a person."""
        path = None if self._kept is None else self._kept.add_aside(body)
        if path is None:
            self.drop([self._last], f"the server fails over what they hold: {reason}")
            return
        folder = self._kept.folder if self._kept is not None else ""
        self._say_once(
            f"aside {reason}",
            f"titan_sdk: the server fails over a recorded entry: {reason}. It is kept as {path}, as are others in "
            f"{folder} that end so; they are tried again once they end in .json",
        )


def post_to(transport: Transport, *, lease_id: str | None = None) -> Callable[[bytes, float], Answer]:
    """Return what posts bodies of entries to a server, once each.

    A job's lease says whose those are that name no run.
    """

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
            is_silence = isinstance(error.__cause__, TimeoutError)
            return Answer(Verdict.AWAY, silent_seconds=within_seconds if is_silence else 0.0)
        verdict = verdict_of(response.status)
        if verdict is Verdict.UNWANTED:
            return Answer(verdict, "" if lease_id is None else _said_in(response.body).strip())  # it knows no such path
        reason = f"HTTP {response.status}{_said_in(response.body)}"
        return Answer(verdict, reason, retry_after(response.headers.get("retry-after", "")))

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
    if status in (500, 501):
        return Verdict.FAULT
    return Verdict.AWAY


def retry_after(text: str) -> float:
    """Return the seconds that a header Retry-After asks for, 0 for none; it has them, or a date."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    if not text:
        return 0.0
    from email.utils import parsedate_to_datetime  # 10 ms, and few proxies write dates

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


#: What may be sent again.
_KEPT = (Verdict.AWAY, Verdict.DENIED, Verdict.FAULT)


def _number_of(entries: Sequence[Lost]) -> int:
    """Return how many entries there are, but for what tells of such as were lost before: they are counted already."""
    return sum(not entry.earlier for entry in entries)


def _refusal(name: object, reason: str) -> str:
    return f"the server refuses {name!r}{f': {reason}' if reason else ''}"


def _entries_in(body: bytes) -> list[object] | None:
    """Return the entries of a file that was kept, whoever wrote into it since; None where there are none."""
    try:
        entries = json.loads(body)["entries"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return entries if isinstance(entries, list) else None


def _said_in(body: bytes) -> str:
    """Return the message of an error that the server answered with, on one line."""
    try:
        return " " + " ".join(str(json.loads(body)["error"]["message"]).split())[:500]
    except (ValueError, LookupError, TypeError):
        return ""


def _clean_body(batch: Sequence[Told], *, is_in_haste: Callable[[], bool]) -> bytes:
    disk = redact.built_in()
    texts: list[str] = []
    while rest := batch[len(texts) :]:
        texts += texts_of(rest if is_in_haste() else rest[:CLEANED_AT_ONCE], disk)
        if not is_in_haste():
            time.sleep(0)  # as in the recorder: let the caller's threads go on; on a busy machine that takes 1 ms
    return body_of(texts)
