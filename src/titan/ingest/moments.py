"""Times as tellers write them."""

from datetime import UTC, datetime

from titan.model.errors import InvalidInput


def in_utc(moment: datetime, *, what: str) -> datetime:
    """Return a time in UTC, which is also what a time without a zone is taken for.

    Raises:
        InvalidInput: in UTC it is in no year from 1 to 9999, so nothing could ever read it again.
    """
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput(
            what,
            expected="a time that in UTC is in the years 1 to 9999",
            found=moment.isoformat(),
            next_step="Correct it and send it again.",
        ) from error
