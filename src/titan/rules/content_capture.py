"""Of which runs inputs and outputs are stored: decided when a run is first heard of, and noted at the run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentCapture:
    """Whether content is stored of the runs that begin now."""

    is_off: bool = False  #: for the whole server, also of runs that began before
    off_projects: frozenset[str] = frozenset()  #: see `without`

    @classmethod
    def without(cls, projects: Iterable[str], *, is_off: bool = False) -> "ContentCapture":
        """Return the choice to store none of these projects, whatever the case of their names."""
        return cls(is_off=is_off, off_projects=frozenset(name.casefold() for name in projects))

    def keeps_content(self, project_id: str) -> bool:
        """Return whether content is stored of a run of this project that begins now."""
        return not self.is_off and project_id.casefold() not in self.off_projects


CAPTURES_ALL: Final = ContentCapture()
