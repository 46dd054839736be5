"""Files that attempts left and what the shared store holds, to rows and back."""

from titan.model.files import AttemptFile, FilePlace, LeftFile
from titan.model.memory import Receipt, StoredFile, StoredValue
from titan.store.rows.columns import by_value, from_us, from_us_or_none, to_us
from titan.store.session import Parameter, Row

# --- What the shared store holds, from rows ---


def value_from_row(row: Row) -> StoredValue:
    """Return what the query `value` selects."""
    return StoredValue(value=row[0], artifact=row[1], expires_at=from_us_or_none(row[2]), run_id=row[3])


def file_from_row(row: Row) -> StoredFile:
    """Return what the query `file` selects."""
    return StoredFile(name=row[0], digest=row[1], size_bytes=row[2], run_id=row[3])


def receipt_from_row(row: Row) -> Receipt:
    """Return what the query `receipt` selects."""
    return Receipt(key=row[0], fingerprint=row[1], answer=row[2])


_PLACES = by_value(FilePlace)


def attempt_file_from_row(row: Row) -> AttemptFile:
    """Return the file whose columns come first in `row`: place, path, size, digest, modified, reason, node."""
    return AttemptFile(
        place=_PLACES[row[0]],
        path=row[1],
        size_bytes=row[2],
        digest=row[3],
        modified_at=from_us(row[4]),
        reason=row[5],
        node=row[6],
    )


def left_file_from_row(row: Row) -> LeftFile:
    """Return the file of `left_result`."""
    return LeftFile(file=attempt_file_from_row(row), job_id=row[7], job_name=row[8], attempt=row[9], worker_id=row[10])


def row_of_attempt_file(file: AttemptFile) -> dict[str, Parameter]:
    """Return the columns of a file that say what it is; whose it is comes beside them."""
    return {
        "place": file.place.value,
        "path": file.path,
        "size_bytes": file.size_bytes,
        "digest": file.digest,
        "modified_at_us": to_us(file.modified_at),
        "reason": file.reason,
        "node": file.node,
    }
