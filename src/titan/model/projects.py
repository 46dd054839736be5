"""Who owns what: an organisation its workers and tokens; a project its runs, DAGs, jobs, store keys and files."""

from typing import Final

ORGANISATION: Final = "local"  # the one that a server has, until it has several
DEFAULT_PROJECT: Final = "default"  # of what names none
MAX_PROJECT: Final = 200  # characters of a project's name
