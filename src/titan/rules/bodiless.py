"""Of whose entries no bodies are kept: of all, or of those of some projects and of the runs that are told to be theirs.

A word is enough: a run that any source says to be of such a project keeps no bodies of anybody, for what one says of a
call another says again. Projects are known by their names, whatever their case.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from titan.model.actions import MOST_OF_PROJECT, digest_of, project_detail

CACHED_NAMES: Final = 1024  # it is asked for with every entry that names a project


@lru_cache(maxsize=CACHED_NAMES)
def told_of_project(project: str) -> str:
    """Return what notes among the digests of a run's details that it is of a project: the same in any case."""
    return digest_of(project_detail(_key(project))).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodiless:
    """Whose entries keep no bodies."""

    is_all: bool = False  #: everybody's
    projects: frozenset[str] = frozenset()  #: else those of these
    _noted: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_noted", frozenset(map(told_of_project, self.projects)))

    @classmethod
    def of(cls, projects: Iterable[str], *, is_all: bool = False) -> "Bodiless":
        """Return the choice for some names of projects."""
        return cls(is_all=is_all, projects=frozenset(map(_key, projects)))

    def __bool__(self) -> bool:
        """Whether there is anybody."""
        return self.is_all or bool(self.projects)

    @property
    def is_by_project(self) -> bool:
        """Whether some runs keep bodies and others do not."""
        return bool(self.projects) and not self.is_all

    def is_of(self, project: str | None) -> bool:
        """Return whether an entry that tells this project, or none, keeps no bodies for that."""
        return self.is_all or (project is not None and _key(project) in self.projects)

    def is_noted(self, details_told: Iterable[str]) -> bool:
        """Return whether a run of which this was told keeps no bodies."""
        return not self._noted.isdisjoint(details_told)


KEEPS_ALL: Final = Bodiless()


def _key(project: str) -> str:
    return project[:MOST_OF_PROJECT].strip().casefold()
