"""Times as sources write them."""

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


def check_order(started_at: datetime, ended_at: datetime, *, what: str, began: str, next_step: str) -> None:
    """Accept an end that is not before its beginning, which `began` names.

    Raises:
        InvalidInput: it is.
    """
    if ended_at < started_at:
        raise InvalidInput(
            what,
            expected=f"a time not before {began}, {started_at.isoformat()}",
            found=ended_at.isoformat(),
            next_step=next_step,
        )
