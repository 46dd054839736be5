"""The numbers of recording, in one table; `docs/guide/recording.md` states those that a user notices."""

from __future__ import annotations

# The queue
QUEUE_CALLS = 20_000  # that may wait in memory; further calls are left out and counted
GATHER_SECONDS = 0.1  # what feels live to a reader
BATCH_ENTRIES = 256  # of one request
BATCH_BYTES = 2**20  # of one request, about: its last entry may exceed it
CROWD = 10_000  # calls that wait: from here on the thread no longer yields to the callers' threads, or it falls behind
CLEANED_AT_ONCE = 32  # entries, in 1 ms: so long a caller's thread may wait for the interpreter's lock

# The retry policy: after a failure everything goes to the spool, and one request is tried after each pause
ANSWER_SECONDS = 5.0  # a commit takes 10 ms; what waits in memory meanwhile is lost if the process is killed
PROBE_SECONDS = 1.0  # after a failure a request waits as long as the pause before it, and at least this long
BYTES_A_SECOND = 2**20  # that a busy server surely takes; up to ANSWER_SECONDS more for a large request
FIRST_PAUSE_SECONDS = 0.5  # a restarted server is back within it; doubles with each failure
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_RETRY_AFTER_SECONDS = 300.0  # a server may ask for more; it is asked again then
MOST_FAULTS = 5  # requests in a row that the server fails over (HTTP 500): then it is the server that is not well

# The spool
SPOOL_BYTES = 256 * 2**20  # of one folder: a day of one busy agent, 100,000 calls of 2.5 KB
SPOOL_FILE_BYTES = 8 * 2**20  # then another file is begun: what was delivered of one is sent again after a crash

# The exit
EXIT_SECONDS = 2.0  # an exit that takes longer is felt
SPOOL_SECONDS_EACH = 60e-6  # to write a call of 1 KB to the spool: sending stops so early that there is time for it
OVERTIME_SECONDS = 8.0  # beyond, on a busy machine or a slow disk, before calls are lost

# What is said
LOSSES_SECONDS = 5.0  # in which losses are gathered: a burst that loses calls for a second is one event
MOST_SAID = 10  # lines on stderr about losses
