"""Projects and the organisations that own them.

A `project_id` is what rows are stored under: a project's name, and for organisations other than the server's own the
name of the organisation before it. So two organisations have nothing in common, whatever they call their projects.
"""

from typing import Final

ORGANISATION: Final = "local"  # the server's own
DEFAULT_PROJECT: Final = "default"  # of what names none
MAX_PROJECT: Final = 200  # characters of a project's name
_BETWEEN: Final = "\x1f"  # no name of a project holds it, for they are printable


def project_id_of(organisation_id: str, name: str) -> str:
    """Return the project id of this name."""
    return name if organisation_id == ORGANISATION else f"{organisation_id}{_BETWEEN}{name}"


def organisation_of(project_id: str) -> str:
    """Return the organisation that owns a project."""
    return project_id.partition(_BETWEEN)[0] if _BETWEEN in project_id else ORGANISATION


def reach_of(organisation_id: str, project_id: str | None = None) -> str:
    """Return what the place of each project within reach begins with: of an organisation's projects, or of one.

    A project's place is `ORGANISATION<U+001F>PROJECT<U+001F>`, for those of the server's own organisation too.
    """
    beginning = f"{organisation_id}{_BETWEEN}"
    return beginning if project_id is None else f"{beginning}{name_of_project(project_id)}{_BETWEEN}"


def name_of_project(project_id: str) -> str:
    """Return a project's name within its organisation."""
    return project_id.rpartition(_BETWEEN)[2]


def beside(project_id: str, name: str) -> str:
    """Return the project id of this name in the organisation that owns another project."""
    return project_id_of(organisation_of(project_id), name)
