"""What a worker says to its keepers and to its warm root, and what they answer.

Orders and notices go through a Channel; their shapes exist for the type checker only. Notes are 16 bytes between a
worker and the root, and one that asks for a keeper carries the keeper's end of its channel (SCM_RIGHTS, unix(7)).
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in channel.py
if TYPE_CHECKING:
    from typing import Literal, TypedDict

    class RunOrder(TypedDict):
        """Worker to keeper: run this attempt now. The keeper is idle."""

        kind: Literal["run"]
        lease_id: str
        script: str  #: what is read and run: an absolute path
        appears_as: str  #: where it finds itself: its __file__, and sys.path[0] is the folder of that
        args: list[str]
        command: list[str] | None  #: what to exec; None runs the script in the forked interpreter
        directory: str  #: the working directory, absolute
        log: str  #: the file that takes stdout and stderr, absolute; made if it is not there
        environment: dict[str, str]  #: added to what the keeper inherited
        memory_limit_bytes: int | None  #: of address space, for each process of the job

    class StopOrder(TypedDict):
        """Worker to keeper: end this attempt; ignored when it has ended already."""

        kind: Literal["stop"]
        lease_id: str
        grace_seconds: float  #: between SIGTERM and SIGKILL; 0 kills at once

    class EndNotice(TypedDict):
        """Keeper to worker: the attempt has ended, and no process of it is left."""

        lease_id: str
        exit_code: int | None
        signal: int | None
        started_at_ns: int  #: since the epoch
        duration_ns: int
        peak_memory_bytes: int
        start_error: str | None  #: why it could not start; then the exit code means nothing


NOTE_BYTES = 16  # all of one size, so that one read takes one note with its descriptor
READY = b"ready"  #: root to worker: everything is imported
KEEP = b"keep"  #: worker to root: fork keeper N, here is its channel
END = b"end"  #: worker to root: kill keeper N and everything below it
ENDED = b"ended"  #: root to worker: keeper N is dead, and nothing of it is left


def note(word: bytes, number: int) -> bytes:
    """Return the note that says `word` of keeper `number`."""
    return (b"%b %d" % (word, number)).ljust(NOTE_BYTES)


def read_note(text: bytes) -> tuple[bytes, int]:
    """Return the word and the number of a note."""
    word, number = text.split()
    return word, int(number)
