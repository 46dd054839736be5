"""Of which runs inputs and outputs are stored: decided when a run is first heard of, and noted at the run."""

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentCapture:
    """Whether content is stored of the runs that begin now."""

    is_off: bool = False  #: for the whole server, also of runs that began before
    off_projects: frozenset[str] = frozenset()  #: for these, whatever the case of their names
    _folded: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_folded", frozenset(name.casefold() for name in self.off_projects))

    def keeps_content(self, project_id: str) -> bool:
        """Return whether content is stored of a run of this project that begins now."""
        return not self.is_off and project_id.casefold() not in self._folded


CAPTURES_ALL: Final = ContentCapture()
