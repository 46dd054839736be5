"""Who may do what: every route has one permission, every role a set of them, and this table alone says which."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final

from titan.model.dags import Dag
from titan.model.errors import Forbidden
from titan.model.jobs import Job
from titan.model.tokens import Role, Token
from titan.rules.dag import MAX_DEPTH
from titan.rules.names import shown


class Permission(StrEnum):
    """What a route lets one do."""

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
    ADMINISTER = "administer tokens and recorded runs"
    OPERATE = "administer workers and the server"
    SIGN_IN = "sign in"  #: and out, and learn who one is: without a token too


_EVERYBODY: Final = frozenset(Role)

PERMITTED: Final[Mapping[Permission, frozenset[Role]]] = {
    Permission.KNOW_SERVER: _EVERYBODY,
    Permission.SEE_ALL: frozenset({Role.ADMIN, Role.VIEWER}),
    Permission.SEE_WORK: frozenset({Role.ADMIN, Role.VIEWER, Role.JOB}),
    Permission.CHANGE_WORK: frozenset({Role.ADMIN, Role.JOB}),
    Permission.SUBMIT: frozenset({Role.ADMIN, Role.JOB}),
    Permission.SET_RESULT: frozenset({Role.ADMIN, Role.JOB}),
    Permission.DECIDE: frozenset({Role.ADMIN}),
    Permission.READ_SHARED: frozenset({Role.ADMIN, Role.VIEWER, Role.JOB}),
    Permission.WRITE_SHARED: frozenset({Role.ADMIN, Role.JOB}),
    Permission.ASK_MODEL: frozenset({Role.ADMIN, Role.JOB}),
    Permission.FETCH: _EVERYBODY,
    Permission.RECORD: frozenset({Role.ADMIN, Role.JOB}),
    Permission.REPLAY: frozenset({Role.ADMIN}),
    Permission.DELIVER: frozenset({Role.ADMIN, Role.JOB, Role.WORKER}),
    Permission.SEE_CLUSTER: frozenset({Role.ADMIN, Role.VIEWER, Role.WORKER}),
    Permission.SEE_FIGURES: frozenset({Role.ADMIN, Role.VIEWER, Role.WORKER}),
    Permission.WORK: frozenset({Role.ADMIN, Role.WORKER}),
    Permission.ADMINISTER: frozenset({Role.ADMIN}),
    Permission.OPERATE: frozenset({Role.ADMIN}),
    Permission.SIGN_IN: _EVERYBODY,
}

#: What a job may do within its reach only; see `is_within_reach`.
LIMITED_FOR_JOBS: Final = frozenset({Permission.SEE_WORK, Permission.CHANGE_WORK})

#: What a token that is limited to a project does not let one do: it concerns all projects.
OF_ALL_PROJECTS: Final = frozenset({Permission.WORK, Permission.OPERATE, Permission.SEE_FIGURES})

#: What is recorded under the project of the caller's token, whatever project the request names: an exporter may have
#: that from elsewhere.
RECORDS: Final = frozenset({Permission.RECORD, Permission.DELIVER, Permission.ASK_MODEL})


def may(role: Role, permission: Permission) -> bool:
    """Return whether the role has the permission."""
    return role in PERMITTED[permission]


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
            next_step="Offer less, or make another token: titan token create NAME --role worker --label LABEL",
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
