"""Permissions: the table of what each role may do; every route requires one permission."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final

from titan.model.dags import Dag
from titan.model.errors import Forbidden
from titan.model.jobs import Job
from titan.model.tokens import Role, Scope, Token
from titan.rules.jobs.dag import MAX_DEPTH
from titan.rules.names import shown


class Permission(StrEnum):
    """The permission that a route requires."""

    KNOW_SERVER = "know the server"  #: that it is up, what can be asked
    SEE_ALL = "see all runs"  #: lists over everything, which have no single run
    SEE_WORK = "see DAGs, jobs and runs"  #: a job: its own
    CHANGE_WORK = "change DAGs, jobs and runs"  #: a job: its own
    SUBMIT = "submit DAGs"
    SET_RESULT = "set a job's result"
    DECIDE = "decide gates"  #: no job: a gate is there for a person to hold it
    READ_SHARED = "read the shared store and files"
    WRITE_SHARED = "write the shared store and files"
    ASK_MODEL = "ask the model"
    FETCH = "fetch content by its digest"
    RECORD = "record what agents do"
    REPLAY = "replay runs"
    DELIVER = "deliver what a job recorded"  #: a worker: of attempts of workers with its token
    SEE_CLUSTER = "see the workers"
    SEE_FIGURES = "see the figures of the server"
    WORK = "work for the server"  #: claim attempts and report them
    ADMINISTER = "administer tokens"
    CURATE = "administer recorded runs"  #: import, archive and delete them, and write notes on them
    OPERATE = "administer organisations, workers and the server"
    SEE_EVALUATED = "see workflows, tasks and agent runs"
    EVALUATE = "manage workflows, tasks and agents, and dispatch"
    ACT = "act in a simulated world"  #: with the token of an agent run, which the route looks at
    PROBE = "probe the server"  #: whether it is alive, and ready: without a token
    SIGN_IN = "sign in"  #: and out, and learn who one is: without a token too


_EVERYBODY: Final = frozenset(Role)
_OWNERS: Final = frozenset({Role.ADMIN, Role.OWNER})
_MANAGERS: Final = _OWNERS | {Role.MANAGER}
_MEMBERS: Final = _MANAGERS | {Role.VIEWER}

PERMITTED: Final[Mapping[Permission, frozenset[Role]]] = {
    Permission.KNOW_SERVER: _EVERYBODY,
    Permission.SEE_ALL: _MEMBERS,
    Permission.SEE_WORK: _MEMBERS | {Role.JOB},
    Permission.CHANGE_WORK: _MANAGERS | {Role.JOB},
    Permission.SUBMIT: _MANAGERS | {Role.JOB},
    Permission.SET_RESULT: _MANAGERS | {Role.JOB},
    Permission.DECIDE: _MANAGERS,
    Permission.READ_SHARED: _MEMBERS | {Role.JOB},
    Permission.WRITE_SHARED: _MANAGERS | {Role.JOB},
    Permission.ASK_MODEL: _MANAGERS | {Role.JOB},
    Permission.FETCH: _EVERYBODY,
    Permission.RECORD: _MANAGERS | {Role.JOB},
    Permission.REPLAY: _MANAGERS,
    Permission.DELIVER: _MANAGERS | {Role.JOB, Role.WORKER},
    Permission.SEE_CLUSTER: _MEMBERS | {Role.WORKER},
    Permission.SEE_FIGURES: frozenset({Role.ADMIN, Role.VIEWER, Role.WORKER}),
    Permission.WORK: frozenset({Role.ADMIN, Role.WORKER}),
    Permission.ADMINISTER: _OWNERS,
    Permission.CURATE: _MANAGERS,
    Permission.OPERATE: frozenset({Role.ADMIN}),
    Permission.SEE_EVALUATED: _MEMBERS,
    Permission.EVALUATE: _MANAGERS,
    Permission.ACT: _EVERYBODY,
    Permission.PROBE: _EVERYBODY,
    Permission.SIGN_IN: _EVERYBODY,
}

#: What a scope lets a key do, beside what everybody may.
SCOPED: Final[Mapping[Scope, frozenset[Permission]]] = {
    Scope.RUNS_READ: frozenset({Permission.SEE_ALL, Permission.SEE_WORK, Permission.SEE_EVALUATED}),
    Scope.RUNS_EXECUTE: frozenset({Permission.REPLAY}),
    Scope.WORKFLOWS_MANAGE: frozenset({Permission.EVALUATE, Permission.SEE_EVALUATED}),
}

#: What a job may do within its reach only; see `is_within_reach`.
LIMITED_FOR_JOBS: Final = frozenset({Permission.SEE_WORK, Permission.CHANGE_WORK})

#: What a token of a project, or of another organisation than the server's own, does not let one do: it concerns all.
#: A token of role worker lets one work for its organisation.
OF_ALL_PROJECTS: Final = frozenset({Permission.WORK, Permission.OPERATE, Permission.SEE_FIGURES})

#: What is recorded under the project of the caller's token, whatever project the request names: an exporter may have
#: that from elsewhere.
RECORDS: Final = frozenset({Permission.RECORD, Permission.DELIVER, Permission.ASK_MODEL})


def may(role: Role | None, permission: Permission, *, scopes: Iterable[Scope] = ()) -> bool:
    """Return whether somebody of this role may do that; `scopes` are a key's."""
    return role in PERMITTED[permission] or any(permission in SCOPED[scope] for scope in scopes)


def check_offers(token: Token | None, worker_name: str, offers: Iterable[str]) -> None:
    """Return when a worker with this token may offer these labels.

    Raises:
        Forbidden: the token is limited to others.
    """
    if token is None or token.labels is None:
        return
    refused = sorted(set(offers) - set(token.labels))
    if refused:
        raise Forbidden(
            f"worker {shown(worker_name)}",
            expected=f"offers of {', '.join(token.labels)}, for its token is limited to these labels",
            found=", ".join(refused),
            next_step="Offer less, or make another token: titan tokens create NAME --role worker --label LABEL",
        )


def is_within_reach(job: Job, dag: Dag, *, maker_dag: Callable[[Dag], Dag | None]) -> bool:
    """Return whether a running job may look at `dag` and change it.

    It may when the DAG is one of its run, or its own, or was made by a job of such a DAG, or by a job of one made
    so, up to 50 deep. `maker_dag` returns the DAG of the job that made a DAG, None for one from outside.
    """
    looked_at: Dag | None = dag
    for _ in range(MAX_DEPTH + 1):
        if looked_at is None:
            return False
        if looked_at.id == job.dag_id or (job.run_id is not None and looked_at.run_id == job.run_id):
            return True
        looked_at = maker_dag(looked_at)
    return False
