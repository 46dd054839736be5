"""What the store of recorded runs knows of their tapes: what was appended, in the order it came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from titan.model.actions import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry of a run's tape as it is kept: redacted, with its place in the chain."""

    number: int  #: ascending in commit order
    action_number: int | None  #: None: it is about the run
    entry: Entry
    received_at: datetime
    link: str  #: of the chain, after this entry: `titan_sdk.tape.chain`


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeBreak:
    """The first entry of a tape that is not as it was appended."""

    place: int  #: in the tape, from 1; one more than it holds where its end is gone
    action_id: str | None  #: None: it is about the run, or nobody knows any more
    found: str  #: what is wrong, as a clause: "its content is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeBlob:
    """A blob that a payload is in, by its digest: the chain holds that, its content must be looked at beside it."""

    digest: str
    place: int  #: of the first entry that names it
    action_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeCheck:
    """What became of computing the links of a tape anew."""

    entries: int  #: that the tape holds
    link: str  #: after the last entry that is as it was appended: of a whole tape, what stands for all of it
    broken: TapeBreak | None
    blobs: Sequence[TapeBlob]  #: that entries before a break name


class TapeReader(Protocol):
    """Questions about the entries of a run; unknown ids give None or nothing."""

    def tape(
        self, project_id: str, run_id: str, *, action_number: int | None = None, after: int = 0, limit: int
    ) -> list[StoredEntry]:
        """Return up to `limit` entries of a run behind `after`, or of one of its actions, in the order they came."""

    def entries_about_run(self, project_id: str, run_id: str, *, after: int = 0, limit: int) -> list[StoredEntry]:
        """Return up to `limit` entries behind `after` that are about the run itself, in the order they came."""

    def places_in_tape(self, project_id: str, run_id: str) -> list[tuple[int, int]]:
        """Return (number of an action, number of an entry about it): actions as they started, entries as they came."""

    def entries_at(
        self, project_id: str, run_id: str, numbers: Sequence[int], *, limit_bytes: int
    ) -> list[StoredEntry]:
        """Return entries of a run by their numbers, in the order asked for, until they take about `limit_bytes`.

        One comes in any case, if there is one; numbers that are unknown are left out.
        """

    def check_tape(self, project_id: str, run_id: str) -> TapeCheck | None:
        """Return whether a run's tape, packed or not, is still what was appended; it reads all of it.

        Never raises for what is wrong with a row. The chain has no key: who writes all links anew is not found out, but
        by comparing `link` with what it was.
        """
