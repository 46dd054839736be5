"""Tokens, roles, scopes, organisations and sign-ins."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from titan.model.projects import ORGANISATION


class Role(StrEnum):
    """What the holder of a token may do; `titan.rules.access` has the table."""

    ADMIN = "admin"  #: everything, the server too: of the server's own organisation alone
    OWNER = "owner"  #: everything in its organisation, tokens too
    MANAGER = "manager"  #: everything in its organisation but tokens
    WORKER = "worker"  #: what a worker asks of its server, for jobs of its organisation alone
    VIEWER = "viewer"  #: look, and change nothing
    KEY = "key"  #: a program: what its scopes say
    JOB = "job"  #: a running attempt, limited to its run; its token is the attempt's and never stored as one of these


MEMBERS: Final = frozenset({Role.ADMIN, Role.OWNER, Role.MANAGER, Role.VIEWER})  #: roles of people


class Scope(StrEnum):
    """What a key (`pk_live_…`) may do; `titan.rules.access` has the table."""

    RUNS_READ = "runs:read"
    RUNS_EXECUTE = "runs:execute"  #: have runs executed again
    WORKFLOWS_MANAGE = "workflows:manage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Who owns projects, and the tokens of its members."""

    id: str  #: a slug
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as it is kept: the secret itself is known to its holder alone."""

    id: str
    name: str  #: for people: who or what holds it
    role: Role
    hash: str  #: SHA-256 of the secret, 64 hex digits
    created_at: datetime
    last_used_at: datetime | None = None  #: at most a minute behind
    expires_at: datetime | None = None  #: None: never
    revoked_at: datetime | None = None
    is_trusted: bool = False  #: of a worker's: jobs that run on its workers may submit work for every worker
    labels: tuple[str, ...] | None = None  #: of a worker's: what its workers may offer; None: anything
    project_id: str | None = None  #: all that it sees and changes; None: every project of the organisation
    organisation_id: str = ORGANISATION
    scopes: tuple[Scope, ...] | None = None  #: of a key's
    last_four: str | None = None  #: of a key's: its last digits, by which people know it

    @property
    def confines(self) -> bool:
        """Whether what is submitted from workers with this token runs on workers with this token only."""
        return self.role is not Role.ADMIN and not self.is_trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A browser that was signed in with a token; what it shows instead of the token is kept as a hash too."""

    hash: str  #: SHA-256 of the cookie's value, 64 hex digits
    token_id: str
    created_at: datetime
    expires_at: datetime
