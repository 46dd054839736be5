"""Deliver recorded entries to a server: requests, the retry policy, and the offline spool.

The spool holds entries that wait on disk for a server, in JSON Lines files of one folder. A process appends to its
own file. A deliverer (the program itself, the next one, a worker, the server of the same home, `titan runs import`)
locks one file at a time and removes it once all of it is delivered. Entries have ids, so the server stores an entry
that is sent twice once.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from contextlib import contextmanager, suppress
from enum import Enum
from typing import NamedTuple

from titan_sdk.errors import TitanError
from titan_sdk.http.address import Address, home_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from titan_sdk.http.transport import Transport

# The limits that users notice are in docs/guide/recording.md.
BATCH_ENTRIES = 256  # of one request
BATCH_BYTES = 2**20  # of one request, about: its last entry may exceed it

# The retry policy: after a failure all entries go to the spool, and one request is tried after each pause.
ANSWER_SECONDS = 5.0  # a commit takes 10 ms; what waits in memory meanwhile is lost if the process is killed
PROBE_SECONDS = 1.0  # after a failure a request waits as long as the pause before it, and at least this long
BYTES_A_SECOND = 2**20  # a busy server's throughput; up to ANSWER_SECONDS more for a large request
FIRST_PAUSE_SECONDS = 0.5  # a restarted server is back within it; doubles with each failure
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_RETRY_AFTER_SECONDS = 300.0
MOST_FAULTS = 5  # consecutive HTTP 500s after which the server counts as failing, not the entries

SPOOL_BYTES = 256 * 2**20  # of one folder: a day of one busy agent, 100,000 calls of 2.5 KB
SPOOL_FILE_BYTES = 8 * 2**20  # then another file is begun: delivered entries of one file are sent again after a crash
FOLDER = "TITAN_SPOOL"
SPOOLS = "spool"  #: the folder of the home that has a folder for each server
HOME_SERVER = "home"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ENDING = ".jsonl"


class Verdict(Enum):
    """The outcome of one request."""

    TAKEN = "committed"
    REFUSED = "an entry in it breaks the server's rules, or it is too large"
    UNWANTED = "the server does not record, or does not know the run's project"
    FAULT = "the server failed on these entries; other requests may succeed"
    DENIED = "the server rejects this program's credentials"
    AWAY = "no answer, or one that says nothing about the entries: they may be sent again"


_RETRIED = (Verdict.AWAY, Verdict.DENIED, Verdict.UNWANTED)


class Answer(NamedTuple):
    """The outcome of one request, with the reason in words."""

    verdict: Verdict
    reason: str = ""
    #: from the header Retry-After
    retry_after_seconds: float = 0.0


class Delivery:
    """Sends entries to one server and applies the retry policy. Not thread-safe."""

    def __init__(
        self,
        post: Callable[[bytes, float], Answer],
        *,
        refuse: Callable[[str, str], object],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`post` sends a body within so many seconds; `refuse` gets each refused entry and the reason."""
        self._post = post
        self._refuse = refuse
        self._now = now
        self._pause = 0.0
        self._faults = 0
        #: until when the server asked not to be called, which an exit respects, too
        self._not_before = 0.0
        #: when the next request is allowed after a failure, and the deadline of all requests, on the clock
        self.retry_at = 0.0
        self.deadline: float | None = None
        self.taken = 0
        #: the last outcome
        self.answer = Answer(Verdict.TAKEN)

    def is_paused(self) -> bool:
        """Return whether no request is allowed now: after a failure, or past the deadline."""
        return self._now() < self.retry_at or (self.deadline is not None and self._now() >= self.deadline)

    def hurry(self, deadline: float) -> None:
        """Allow one more try at once, unless the server has asked for a pause; and none after `deadline`."""
        if self.deadline is None:
            self.retry_at = self._not_before
        self.deadline = deadline

    def send(self, entries: Sequence[str]) -> list[int]:
        """Post entries in one request, or one by one where the server refuses them together.

        Return the indexes of those to be sent again.
        """
        verdict, reason, _ = self._posted(f'{{"entries":[{",".join(entries)}]}}'.encode())
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
        if answer.verdict in _RETRIED or self._faults >= MOST_FAULTS:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            asked = min(answer.retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS)
            self._not_before = self._now() + asked if asked > 0 else 0.0
            self.retry_at = self._now() + max(self._pause, asked)
        elif answer.verdict is not Verdict.FAULT:
            self._pause, self.retry_at, self._not_before = 0.0, 0.0, 0.0
        return answer


def post_to(transport: Transport, *, lease_id: str | None = None) -> Callable[[bytes, float], Answer]:
    """Return a function that posts bodies of entries to a server, once each.

    Entries without a run belong to the job of the lease.
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
                mutation=False,  # entries have ids, so no idempotency key is needed
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
        return Answer(verdict, reason, float(asked) if asked.isascii() and asked.isdigit() else 0.0)

    return post


def verdict_of(status: int) -> Verdict:
    """Return the outcome that an HTTP status means for the entries."""
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
    """Return the message of the server's error on one line; "" without one."""
    try:
        return " " + " ".join(str(json.loads(body)["error"]["message"]).split())[:500]
    except (ValueError, LookupError, TypeError):
        return ""


class Spool:
    """The entries that wait for one server, one per line. Several processes may share a folder."""

    def __init__(self, folder: str, *, largest_bytes: int = SPOOL_BYTES) -> None:
        """Keep entries in `folder`, which is created with the first entry."""
        self.folder = folder
        self._largest_bytes = largest_bytes
        self._path = ""
        #: files of this process, with how many entries it has written to each
        self._added: dict[str, int] = {}
        #: files that were delivered and cannot be removed
        self._done: set[str] = set()
        #: why the last entries were not written
        self.problem = ""

    def add(self, entries: Sequence[str]) -> bool:
        """Append entries, each a line of JSON, all or none; return False when there is no room.

        A full spool keeps the oldest entries and refuses new ones: the beginning of a run explains what came later.
        """
        lines = b"".join(entry.encode() + b"\n" for entry in entries)
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            if (size := self._size_bytes()) + len(lines) > self._largest_bytes:
                self.problem = f"{size / 2**20:,.0f} MiB wait there already"
                return False
            with self._own_file() as file:
                _append(file, lines)
        except OSError as error:
            self.problem = f"{error.strerror or error} (errno {error.errno})" if error.errno else str(error)
            return False
        self.problem = ""
        self._added[self._path] = self._added.get(self._path, 0) + len(entries)
        return True

    def waiting(self) -> int:
        """Return how many entries of this process are not delivered yet, by this or another process."""
        return sum(entries for path, entries in self._added.items() if os.path.exists(path))

    def paths(self) -> list[str]:
        """Return the files that wait, oldest first; none when the folder cannot be read."""
        try:
            entries = [entry for entry in os.scandir(self.folder) if entry.name.endswith(ENDING)]
            found = sorted(entry.path for entry in entries if entry.is_file(follow_symlinks=False))
        except OSError:
            return []
        return [path for path in found if path not in self._done]

    def deliver(self, delivery: Delivery) -> Iterator[bool]:
        """Send the waiting files, oldest first, until the server does not answer; yield True after each request."""
        for path in self.paths():
            if delivery.is_paused():
                return
            with suppress(OSError), _opened(path, os.O_RDONLY) as file:  # it may be another user's
                if file is not None:
                    yield from self._deliver_file(path, file, delivery)

    def _deliver_file(self, path: str, file: BinaryIO, delivery: Delivery) -> Iterator[bool]:
        """Send a file's entries; where the server took only some, the others move to a file of this process."""
        is_any_taken, left = False, list[str]()
        for batch in _batches(file):
            if delivery.is_paused():
                left += batch
                continue
            places = delivery.send(batch)
            is_any_taken = is_any_taken or len(places) < len(batch)
            left += [batch[place] for place in places]
            yield True
        if left and not (is_any_taken and self.add(left)):
            return
        with suppress(OSError):
            os.unlink(path)
        if os.path.lexists(path):
            self._done.add(path)  # or it would be sent forever

    @contextmanager
    def _own_file(self) -> Iterator[BinaryIO]:
        while True:
            if not self._path:
                self._path = os.path.join(self.folder, f"{time.time_ns():020}-{os.getpid()}{ENDING}")
            with _opened(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as file:
                if file is not None and os.fstat(file.fileno()).st_size < SPOOL_FILE_BYTES:
                    yield file
                    return
            self._path = ""  # it is being delivered, or large enough

    def _size_bytes(self) -> int:
        size = 0
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError):  # another process has just delivered it
                size += entry.stat(follow_symlinks=False).st_size
        return size


class Delivered(NamedTuple):
    """The result of delivering one spool folder."""

    taken: int  #: entries that the server has now; an entry that it had before counts once
    refusals: list[str]  #: the reason for each entry that broke the server's rules and is lost
    is_all: bool  #: whether the folder is empty now
    answer: Answer  #: the last outcome


def deliver_folder(folder: str, post: Callable[[bytes, float], Answer]) -> Delivered:
    """Deliver a spool folder, as the recording program would have."""
    refusals: list[str] = []
    spool, delivery = Spool(folder), Delivery(post, refuse=lambda _entry, reason: refusals.append(reason))
    for _ in spool.deliver(delivery):
        continue
    return Delivered(delivery.taken, refusals, not spool.paths(), delivery.answer)


def spool_folder(address: Address, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the spool folder for a server: TITAN_SPOOL, else one for that server below TITAN_HOME or ~/.titan.

    All entries for the home's own server share one folder, since its port may change. None in a job whose worker gave
    it no folder: nobody could tell later which job the entries belong to.
    """
    given = environment.get(FOLDER)
    if given:
        return given
    if environment.get("TITAN_JOB_ID"):
        return None
    server = f"{address.host.replace('/', '_')}_{address.port}" if address.is_named else HOME_SERVER
    return os.path.join(home_of(environment), SPOOLS, server)


def folders_for(addresses: Iterable[Address], environment: Mapping[str, str]) -> list[str]:
    """Return the spool folders below TITAN_HOME for a server at these addresses of one machine.

    A program may have used any name of the loopback; an address without a name stands for the home's server.
    """
    folders = []
    for address in addresses:
        names = LOOPBACK if address.is_named and address.host in LOOPBACK else (address.host,)
        for name in names:
            each = Address(name, address.port, is_named=address.is_named)
            folders.append(spool_folder(each, {"TITAN_HOME": home_of(environment)}))
    return [folder for folder in dict.fromkeys(folders) if folder is not None]


@contextmanager
def _opened(path: str, flags: int) -> Iterator[BinaryIO | None]:
    """Open a regular file and hold its lock; None where another process holds it or has removed the file."""
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    with open(descriptor, "rb") as file:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        status = os.fstat(descriptor)
        try:
            yield file if status.st_nlink and stat.S_ISREG(status.st_mode) else None
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a process that was forked meanwhile holds the descriptor, too


def _append(file: BinaryIO, lines: bytes) -> None:
    size = os.fstat(file.fileno()).st_size
    if os.write(file.fileno(), lines) != len(lines):  # a full disk takes a part
        os.ftruncate(file.fileno(), size)
        raise OSError("the disk is full")


def _batches(file: BinaryIO) -> Iterator[list[str]]:
    """Yield the entries of a file in batches for one request each."""
    batch: list[str] = []
    size_bytes = 0
    for line in file:
        batch.append(line.decode("utf-8", "replace").rstrip("\n"))
        size_bytes += len(line)
        if len(batch) == BATCH_ENTRIES or size_bytes >= BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch
