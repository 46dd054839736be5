"""What an error of PostgreSQL's means in the terms of the model."""

from typing import Final

from titan.model.errors import StoreDamaged, StoreError, StoreFull, StoreRefused
from titan.store.postgres.session import ConnectionLost, StatementFailed
from titan.store.session import unavailable

#: Two transactions got into each other's way: serialization_failure, deadlock_detected.
CONFLICTS: Final = frozenset({"40001", "40P01"})

_DAMAGED: Final = frozenset(
    {"XX001", "XX002", "42P01", "42703", "42883", "3F000"}
)  # the last four: our tables are gone
_BUSY: Final = ("08", "25", "40", "42501", "53", "55", "57", "58")  # classes, of which the server may recover


def translated(error: BaseException, subject: str) -> BaseException:
    """Return the error of the model that says what `error` means; others come back as they are."""
    if isinstance(error, ConnectionLost):
        return unavailable(subject, str(error))
    if not isinstance(error, StatementFailed):
        return error
    return _of_statement(error, subject)


def _of_statement(error: StatementFailed, subject: str) -> StoreError:
    found = f"{error} ({error.state})"
    if error.state == "53100":
        return StoreFull(
            subject,
            expected="room on its disk",
            found=f"none ({error})",
            next_step="Free some space there, then repeat the request: nothing of it was kept.",
        )
    if error.state in _DAMAGED:
        return StoreDamaged(
            subject,
            expected="a database that Titan wrote",
            found=found,
            next_step="It was left as it is: restore a copy, or give --store an empty database to begin anew.",
        )
    if error.state.startswith(_BUSY):
        return unavailable(subject, found)
    return StoreRefused(
        subject,
        expected="facts that obey its schema",
        found=found,
        next_step="This is a programming error; nothing of the transaction was kept.",
    )
