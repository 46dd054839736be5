"""What the store of jobs keeps for programs: values, sets and files under names; and receipts of what they asked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from titan.model.memory import Receipt, StoredFile, StoredValue


class KvReader(Protocol):
    """Questions about keys, names and receipts; unknown ones give None or nothing."""

    def value(self, project_id: str, key: str, *, now: datetime) -> StoredValue | None:
        """Return what the key holds; None when it is absent or has expired by `now`."""

    def present_keys(self, project_id: str, keys: Sequence[str], *, now: datetime) -> list[str]:
        """Return those of `keys` that hold a value, in the given order."""

    def stored_keys(self, project_id: str, *, start: str, limit: int, now: datetime) -> list[str]:
        """Return up to `limit` keys of values and sets from `start` on, sorted by code points."""

    def members(self, project_id: str, key: str) -> list[str]:
        """Return a set's members in the order they were added; empty for an unknown key."""

    def file(self, project_id: str, name: str) -> StoredFile | None: ...

    def receipt(self, project_id: str, key: str) -> Receipt | None: ...


class KvTransaction(Protocol):
    """Changes of what stands under keys and names, and receipts."""

    def put_value(self, project_id: str, key: str, value: StoredValue) -> None:
        """Set a key, replacing what it held."""

    def delete_key(self, project_id: str, key: str) -> bool:
        """Delete the value and the set under a key; return whether there was any."""

    def forget_expired_values(self, *, limit: int = 1000) -> int:
        """Delete up to `limit` values that have expired; return how many."""

    def add_member(self, project_id: str, key: str, member: str) -> bool:
        """Add to a set; return whether it was new."""

    def put_file(self, project_id: str, file: StoredFile) -> None:
        """Name a blob; a name used before now means the new content."""

    def add_receipt(self, project_id: str, receipt: Receipt) -> None: ...

    def forget_receipts(self, *, before: datetime, limit: int = 1000) -> int:
        """Delete up to `limit` receipts older than `before`, the oldest first; return how many.

        When it returns `limit` there may be more: ask again in another transaction, so that none lasts long.
        """
