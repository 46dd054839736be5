"""What the shared store holds, from rows."""

from titan.model.memory import Receipt, StoredFile, StoredValue
from titan.store.rows.columns import from_us_or_none
from titan.store.session import Row


def value_from_row(row: Row) -> StoredValue:
    """Return what the query `value` selects."""
    return StoredValue(value=row[0], artifact=row[1], expires_at=from_us_or_none(row[2]), run_id=row[3])


def file_from_row(row: Row) -> StoredFile:
    """Return what the query `file` selects."""
    return StoredFile(name=row[0], digest=row[1], size_bytes=row[2], run_id=row[3])


def receipt_from_row(row: Row) -> Receipt:
    """Return what the query `receipt` selects."""
    return Receipt(key=row[0], fingerprint=row[1], answer=row[2])
