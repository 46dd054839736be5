"""What goes wrong in a simulated world, and how often."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Chances from 0 to 1, per event, and times in seconds."""

    attempt_seconds: float  #: an attempt takes up to this long, most of them less than half of it
    endless: float  #: an attempt lasts until somebody cancels its job
    travel_seconds: float  #: a message takes up to this long; those of one sender may overtake each other
    lost: float  #: a request or its answer vanishes, and the sender hears of it
    doubled: float  #: a request arrives a second time, later
    cut: float  #: the connection of an outstanding claim breaks
    cut_unnoticed: float  #: ... and the server is not told
    stubborn: float  #: a worker reports an attempt although it was told that the lease is over
    waiting: float  #: an attempt waits from time to time, parked where it may be
    failing: float  #: an attempt fails or times out
    store_full: float  #: the store refuses a transaction
    crash_at_commit: float  #: the server dies right after a commit, before it answers


CALM = Faults(
    attempt_seconds=6.0,
    endless=0,
    travel_seconds=0.002,
    lost=0,
    doubled=0,
    cut=0,
    cut_unnoticed=0,
    stubborn=0,
    waiting=0.3,
    failing=0,
    store_full=0,
    crash_at_commit=0,
)

#: As busy as a benchmark: whatever can overtake something does.
BUSY = replace(CALM, attempt_seconds=0.01, failing=0.2)

#: Everything waits, and what is killed is killed by the test.
WAITING = replace(CALM, waiting=1.0, travel_seconds=0.5, failing=0.1)

STORM = Faults(
    attempt_seconds=6.0,
    endless=0.03,
    travel_seconds=2.0,
    lost=0.1,
    doubled=0.1,
    cut=0.2,
    cut_unnoticed=0.3,
    stubborn=0.3,
    waiting=0.3,
    failing=0.2,
    store_full=0.02,
    crash_at_commit=0.01,
)
