"""The leases that the worker holds, from their assignment until the server has acknowledged their report."""

import threading
from collections.abc import Iterable


class Leases:
    """The held leases, shared by the worker's threads."""

    def __init__(self) -> None:
        self._is_stopping: dict[str, bool] = {}
        self._over: set[str] = set()  #: dropped since the outstanding claim was sent, whose answer may still name them
        self._changed = threading.Condition()

    def begin_claim(self) -> list[str]:
        """Return the held leases for a claim; its answer names none that was dropped before now."""
        with self._changed:
            self._over.clear()
            return list(self._is_stopping)

    def take(self, lease_ids: Iterable[str]) -> list[str]:
        """Hold these leases; return those that were not held before, for two answers may bring the same."""
        with self._changed:
            fresh = [each for each in lease_ids if each not in self._is_stopping and each not in self._over]
            self._is_stopping.update(dict.fromkeys(fresh, False))
            self._changed.notify_all()
        return fresh

    def stop(self, lease_ids: Iterable[str]) -> list[str]:
        """Note that the server wants these stopped; return those that are held and were not known to be stopping."""
        with self._changed:
            fresh = [lease_id for lease_id in lease_ids if self._is_stopping.get(lease_id) is False]
            self._is_stopping.update(dict.fromkeys(fresh, True))
        return fresh

    def drop(self, lease_ids: Iterable[str]) -> list[str]:
        """Hold these no longer; return those that were held."""
        with self._changed:
            dropped = [lease_id for lease_id in lease_ids if self._is_stopping.pop(lease_id, None) is not None]
            self._over.update(dropped)
            self._changed.notify_all()
        return dropped

    def held(self) -> list[str]:
        """Return the held leases, oldest first."""
        with self._changed:
            return list(self._is_stopping)

    def stopping(self) -> list[str]:
        """Return the held leases that the server wants stopped."""
        with self._changed:
            return [lease_id for lease_id, is_stopping in self._is_stopping.items() if is_stopping]

    def is_stopping(self, lease_id: str) -> bool:
        """Return whether a lease is held and the server wants it stopped."""
        with self._changed:
            return self._is_stopping.get(lease_id, False)

    def __contains__(self, lease_id: str) -> bool:
        """Return whether a lease is held."""
        with self._changed:
            return lease_id in self._is_stopping

    def wait_for_some(self, timeout_seconds: float) -> bool:
        """Wait until a lease is held; return False on timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._is_stopping), timeout_seconds)

    def wait_for_none(self, timeout_seconds: float) -> bool:
        """Wait until no lease is held; return False on timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_stopping, timeout_seconds)
