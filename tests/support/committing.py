"""A process that commits until it is killed: `python -m tests.support.committing HOME`.

Four threads put one value after the other and record each in the journal; a line with its key is
printed once the store has acknowledged it.
"""

import itertools
import sys
from pathlib import Path
from threading import Thread

from tests.support.builders import PROJECT
from tests.support.stores import StandingClock, committed
from titan.model.events import JobReady, Subject
from titan.model.files import StoredValue
from titan.ports.jobs_store import Store, Transaction
from titan.store.sqlite import SqliteStore


def main() -> None:
    """Commit until the process is killed."""
    store = SqliteStore(Path(sys.argv[1]) / "control.db", clock=StandingClock())
    first = store.read(lambda reader: reader.last_seq())
    threads = [Thread(target=put_for_ever, args=(store, f"{first}-{number}")) for number in range(4)]
    for thread in threads:
        thread.start()


def put_for_ever(store: Store, prefix: str) -> None:
    """Put values under keys that begin with `prefix` and print each key that is durable."""
    for number in itertools.count():
        key = f"{prefix}-{number}"
        put(store, key)
        sys.stdout.write(f"{key}\n")
        sys.stdout.flush()


def put(store: Store, key: str) -> None:
    """Put a value of 500 characters and record it, in one transaction."""

    def decide(tx: Transaction) -> None:
        tx.put_value(PROJECT, key, StoredValue(value="x" * 500))
        tx.record(Subject(project_id=PROJECT), JobReady(cause=key))

    committed(store, decide)


if __name__ == "__main__":
    main()
