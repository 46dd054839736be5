"""How well it is known whose run it is, as one number: of several words that with the smallest counts."""

from datetime import UTC, datetime, timedelta
from typing import Final

from titan.model.actions import AgentSource

#: More than twice any time in microseconds (of the year 1: -6.2 * 10^16, of 9999: 2.5 * 10^17), and with that within
#: 64 bits.
_OF_A_SOURCE: Final = 10**18
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SOURCES: Final = tuple(AgentSource)
_PLACES: Final = {source: place for place, source in enumerate(_SOURCES)}


def order_of(source: AgentSource, since: datetime) -> int:
    """Return the order of a word: the surest counts, of equally sure ones the earliest."""
    return _PLACES[source] * _OF_A_SOURCE + (since - _EPOCH) // _MICROSECOND


def known_by(order: int) -> tuple[AgentSource, datetime]:
    """Return the word that has an order; 0, which is for certain, is said since 1970."""
    place = (order + _OF_A_SOURCE // 2) // _OF_A_SOURCE  # the nearest: times before 1970 are less than nothing
    return _SOURCES[place], _EPOCH + (order - place * _OF_A_SOURCE) * _MICROSECOND
