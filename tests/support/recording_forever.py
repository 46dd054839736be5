"""A process that records until it is killed: `python -m tests.support.recording_forever HOME`.

Two threads record one call after the other; a line with its id is printed once the store has acknowledged it.
"""

import itertools
import sys
from pathlib import Path
from threading import Thread

from msgspec.structs import replace

from tests.support.builders import PROJECT
from tests.support.call_stores import record
from tests.support.recorded import RUN, a_call
from tests.support.stores import StandingClock
from titan.model.actions import SHARED_MARK, Payload
from titan.ports.runs_store import CallStore
from titan.store.runs.sqlite_store import SqliteCallStore


def main() -> None:
    """Record until the process is killed."""
    store = SqliteCallStore(Path(sys.argv[1]) / "calls.db", clock=StandingClock())
    first = store.read(lambda reader: reader.version_of_run(PROJECT, RUN))
    threads = [Thread(target=record_for_ever, args=(store, f"{first}-{number}")) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:  # when the main thread ends, the store's executor does
        thread.join()


def record_for_ever(store: CallStore, prefix: str) -> None:
    """Record calls whose ids begin with `prefix`, and print the id of each that is durable."""
    for number in itertools.count():
        id = f"{prefix}-{number}"
        body = Payload(SHARED_MARK, ('"the same"', f'"{id} of its own"'))
        record(store, replace(a_call(id, cost="0.1"), inputs=body))
        sys.stdout.write(f"{id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
