"""Authorization: which routes a caller may use, and to which runs and DAGs a job's token is limited."""

from collections.abc import Callable, Collection, Sequence
from functools import partial

from titan.model.dags import Dag
from titan.model.errors import Forbidden, InvalidInput, UnknownEvaluation
from titan.model.jobs import Job
from titan.model.projects import DEFAULT_PROJECT, ORGANISATION, name_of_project, project_id_of
from titan.model.tokens import Role, Scope
from titan.ports.jobs_store import Reader
from titan.ports.runs_store import CallReader
from titan.rules.access import LIMITED_FOR_JOBS, OF_ALL_PROJECTS, RECORDS, SCOPED, Permission, is_within_reach
from titan.rules.names import check_project, shown
from titan.server.http.access import Caller, ended_attempt
from titan.server.http.call import Call
from titan.server.lookup import find_dag, find_gate, find_job, find_run, unknown, unknown_artifact

#: Their transactions check the attempt themselves, and answer StaleLease, which the SDK handles.
FENCED = frozenset({Permission.SUBMIT, Permission.SET_RESULT})


async def authorize(call: Call, permission: Permission) -> None:
    """Check that the caller may make this request of a route that needs `permission`, and set the request's project.

    For a job, a DAG or job named in the path is replaced by the id that was checked, so that the handler acts on the
    same one.

    Raises:
        Forbidden: the caller lacks the permission, or may not access the project or subject.
        InvalidName: the request names an invalid project.
        Unauthorized: a job's attempt has ended.
        NotFound: a job names something that does not exist.
    """
    caller = call.caller
    if permission in (Permission.PROBE, Permission.SIGN_IN, Permission.ACT):
        return
    if caller.has_ended and permission not in FENCED:
        raise ended_attempt()
    call.project_id, call.is_project_fixed = _project_of(call, permission), caller.project_id is not None
    if caller.attempt is not None and permission is Permission.CHANGE_WORK:
        await call.app.store.look(partial(_check_own_grade, call=call))
    if _is_unlimited(call):
        return
    if not caller.may(permission):
        raise _forbidden(caller, f"a role that may {permission.value}", _role_of(caller), _other_role(permission))
    works = permission is Permission.WORK and caller.role is Role.WORKER
    if permission in OF_ALL_PROJECTS and not caller.is_of_the_server and not works:
        of = (
            f"of organisation {shown(caller.organisation_id)}"
            if caller.project_id is None
            else f"limited to project {shown(name_of_project(caller.project_id))}"
        )
        next_step = f"Use a token of organisation {ORGANISATION} without a project."
        raise _forbidden(caller, f"a token that may {permission.value}", f"one that is {of}", next_step)
    if permission is Permission.WORK and "worker" in call.request.path_params:
        await call.sender.authenticator.check_worker(caller, call.path("worker"))
    if caller.attempt is not None and permission in LIMITED_FOR_JOBS:
        await call.app.store.look(partial(_check_subject, call=call, permission=permission))


def _project_of(call: Call, permission: Permission) -> str:
    """Return the project of a request: its token's or job's, else the one it names, else the default.

    Raises:
        InvalidName: it names an invalid project.
        Forbidden: it names another project than its token's, and does not record.
    """
    own, named = call.caller.project_id, call.asked_project()
    is_in_path = "project" in call.request.path_params
    if is_in_path:
        named = check_project(call.path("project"))
    asked = project_id_of(call.caller.organisation_id, named or DEFAULT_PROJECT)
    if own is None or asked == own:
        return asked
    if named is None or (permission in RECORDS and not is_in_path):
        return own
    if is_in_path:
        raise unknown(UnknownEvaluation, "project", named, "Use a token of that project, or of all.")
    expected = f"project {shown(name_of_project(own))}"
    raise _forbidden(call.caller, expected, f"project {shown(named)}", "Use a token of that project, or of all.")


def _role_of(caller: Caller) -> str:
    role = "none" if caller.role is None else caller.role.value
    scopes = () if caller.token is None else caller.token.scopes or ()
    return f"{role} with {', '.join(scopes)}" if scopes else role


def _other_role(permission: Permission) -> str:
    scopes = [scope.value for scope in Scope if permission in SCOPED[scope]]
    return "Use a token of another role" + (f", or a key with {' or '.join(scopes)}." if scopes else ".")


async def deliver_for(call: Call, lease_id: str | None) -> None:
    """Treat a worker that delivers an attempt's records as that attempt's job from here on.

    Raises:
        InvalidInput: no lease is given.
        Forbidden: a worker with another token ran the attempt.
    """
    if lease_id is None:
        raise InvalidInput(
            "query of POST /api/v1/actions",
            expected="lease=…, of the attempt whose actions a worker delivers",
            found="none",
            next_step="A token of role worker records nothing else; use one of role admin.",
        )
    attempt = await call.app.store.look(lambda reader: reader.attempt(lease_id))
    if attempt is not None:
        await call.sender.authenticator.check_worker(call.caller, attempt.worker_id, is_known=True)
        call.caller = Caller(role=Role.JOB, name=f"job {attempt.job_id}", attempt=attempt)
        call.project_id, call.is_project_fixed = attempt.project_id, True


async def check_run_of_submission(call: Call, run_id: str | None) -> None:
    """Check that the caller may add a stage to this run; a job may to its own, to a new one, and to one it made.

    Raises:
        Forbidden: the run is somebody else's.
    """
    if call.caller.attempt is not None and run_id is not None and not _is_unlimited(call):
        await call.app.store.look(partial(_check_joining, call=call, run_id=run_id))


def is_limited(call: Call) -> bool:
    """Return whether the caller is a job that is limited to its own run."""
    return call.caller.attempt is not None and not _is_unlimited(call)


async def check_reporter(call: Call, run_ids: Sequence[str]) -> None:
    """Check that the caller may record into these runs; see `check_may_report`.

    Raises:
        Forbidden: one of them is somebody else's.
    """
    if run_ids and is_limited(call):
        await call.app.store.look(partial(check_may_report, call=call, run_ids=run_ids))


def check_may_report(reader: Reader, *, call: Call, run_ids: Sequence[str]) -> None:
    """Check that a job may record into these runs: its own, one it made, or one without stages.

    Raises:
        Forbidden: one of them is somebody else's.
    """
    asking = _asking_job(reader, call.caller)
    kept_as = list(map(call.app.recorder.known_as, run_ids))  # reports are stored under the redacted id
    homes = call.app.calls.read(lambda calls: calls.aliases(call.project_id, kept_as))
    for run_id in (*kept_as, *homes.values()):  # and those of a trace in its run
        if run_id not in (asking.run_id, asking.dag_id):
            _check_joining(reader, call=call, run_id=run_id)


async def check_waited_for(call: Call, dag_ids: Sequence[str], job_ids: Sequence[str]) -> None:
    """Check that the caller may wait for these DAGs and jobs; unknown ones reveal nothing.

    Raises:
        Forbidden: one of them is somebody else's.
    """
    if call.caller.attempt is not None and (dag_ids or job_ids) and not _is_unlimited(call):
        await call.app.store.look(partial(_check_each, call=call, dag_ids=dag_ids, job_ids=job_ids))


def _check_each(reader: Reader, *, call: Call, dag_ids: Sequence[str], job_ids: Sequence[str]) -> None:
    for dag in _dags_of(reader, call, [*dag_ids, *job_ids]):
        _check_dag(reader, call, dag, f"DAG {shown(dag.name)}")


async def check_blob(call: Call, digest: str) -> None:
    """Check that the caller may read this content, or name it.

    Raises:
        UnknownArtifact: nothing within its reach names it.
    """
    if not await blobs_within_reach(call, [digest]):
        raise unknown_artifact("content", digest)


async def blobs_within_reach(call: Call, digests: Collection[str]) -> set[str]:
    """Return those of the digests that the caller may read: named within its projects, or needed by its workers.

    Where no token is shown, everybody on the machine may read all.
    """
    caller = call.caller
    if caller.token is None and caller.attempt is None:
        return set(digests)
    return await call.app.store.look(partial(_blobs_within, call=call, digests=digests)) if digests else set()


def _blobs_within(reader: Reader, *, call: Call, digests: Collection[str]) -> set[str]:
    reach = call.caller.reach
    found = {digest for digest in digests if reader.is_blob_within(digest, reach)}
    if left := set(digests) - found:
        found |= call.app.calls.read(lambda calls: {digest for digest in left if calls.is_blob_within(digest, reach)})
    return found if found.issuperset(digests) else found | (_leased_blobs(reader, call.caller) & set(digests))


def _leased_blobs(reader: Reader, caller: Caller) -> set[str]:
    """Return the scripts and archives of what workers with the caller's token run; with a trusted one all workers."""
    if caller.token is None or not caller.may(Permission.WORK):
        return set()
    workers = (reader.worker(worker_id) for worker_id in reader.connected_workers())
    own = [
        each
        for each in workers
        if each is not None
        and each.organisation_id == caller.organisation_id
        and (each.token_id == caller.token.id or not caller.token.confines)
    ]
    attempts = [attempt for worker in own for attempt in reader.live_attempts_of_worker(worker.id)]
    jobs = (reader.job(attempt.job_id) for attempt in attempts)
    return {digest for job in jobs if job is not None for digest in (job.spec.script, job.spec.archive) if digest}


async def check_scored(call: Call, run_ids: Sequence[str]) -> None:
    """Check that the caller may score these runs: a job scores no run of an evaluation, whose program it may be.

    Raises:
        Forbidden: one of them is such a run.
    """
    if call.caller.attempt is not None:
        await call.app.store.look(partial(_check_grades, call=call, run_ids=run_ids))


def _check_grades(reader: Reader, *, call: Call, run_ids: Sequence[str]) -> None:
    def evaluated(calls: CallReader) -> str | None:
        homes = calls.aliases(call.project_id, run_ids)
        named = [*run_ids, *homes.values(), _asking_job(reader, call.caller).run_id or ""]
        return next((run_id for run_id in named if calls.agent_run(call.project_id, run_id) is not None), None)

    if (run_id := call.app.calls.read(evaluated)) is not None:
        expected = "somebody else to grade a run of an evaluation, or to change how it ends"
        raise _forbidden(call.caller, expected, f"a job, for run {shown(run_id)}", "Use a token of your own.")


def _check_own_grade(reader: Reader, *, call: Call) -> None:
    """Check that the job of an evaluated agent changes neither its own run nor its own DAG."""
    named, asking = call.request.path_params, _asking_job(reader, call.caller)
    if "job" in named:
        is_own = _named_job(reader, call, is_strict=True).dag_id == asking.dag_id
    elif "dag" in named:
        is_own = find_dag(reader, call.project_id, call.path("dag")).id == asking.dag_id
    else:
        is_own = "run" in named
    if is_own:
        _check_grades(reader, call=call, run_ids=[call.path("run")] if "run" in named else [])


def _is_unlimited(call: Call) -> bool:
    """Return whether the caller is a job that needed no token to ask, and so could bypass any limit.

    Programs wait for and cancel jobs of other runs, also from inside a job.
    """
    return call.caller.role is Role.JOB and not call.sender.authenticator.access.requires_token


def _check_joining(reader: Reader, *, call: Call, run_id: str) -> None:
    if reader.run_control(call.project_id, run_id) is not None:
        _check_run(reader, call, run_id)


def _check_subject(reader: Reader, *, call: Call, permission: Permission) -> None:
    named = call.request.path_params
    if "job" in named:
        job = _named_job(reader, call, is_strict=permission is Permission.CHANGE_WORK)
        _check_dag(reader, call, reader.dag(job.dag_id), f"job {shown(job.name)}")
        call.fix_path("job", job.id)
    elif "gate" in named:
        scope = call.scope()
        gate = find_gate(reader, call.project_id, call.path("gate"), dag_id=scope.dag, run_id=scope.run)
        _check_dag(reader, call, reader.dag(gate.dag_id), f"gate {shown(gate.name)}")
        call.fix_path("gate", gate.id)
    elif "dag" in named:
        dag = find_dag(reader, call.project_id, call.path("dag"))
        _check_dag(reader, call, dag, f"DAG {shown(dag.name)}")
        call.fix_path("dag", dag.id)
    elif "run" in named:
        _check_run(reader, call, find_run(reader, call.project_id, call.path("run")).id)
    else:
        _check_list(reader, call)


def _named_job(reader: Reader, call: Call, *, is_strict: bool) -> Job:
    """Return the job that the path names, by default one of the caller's own run or DAG."""
    scope = call.scope()
    asking = _asking_job(reader, call.caller)
    find = partial(find_job, reader, call.project_id, call.path("job"))
    if scope.dag is None and scope.run is None:
        return find(dag_id=None if asking.run_id else asking.dag_id, run_id=asking.run_id)
    return find(dag_id=scope.dag, run_id=scope.run, is_strict=is_strict)


def _check_list(reader: Reader, call: Call) -> None:
    """Check that a list is narrowed to what the job may access."""
    scope, ids = call.scope(), call.ids()
    if ids:
        for dag in _dags_of(reader, call, ids):
            _check_dag(reader, call, dag, f"DAG {shown(dag.name)}")
    elif scope.dag is not None:
        dag = find_dag(reader, call.project_id, scope.dag)
        _check_dag(reader, call, dag, f"DAG {shown(dag.name)}")
    elif scope.run is not None:
        _check_run(reader, call, scope.run)
    else:
        asking = _asking_job(reader, call.caller)
        own = f"run={asking.run_id}" if asking.run_id else f"dag={asking.dag_id}"
        raise _forbidden(
            call.caller, "its own run or DAG in the query", f"a list of all at {call.asked}", f"Ask with ?{own}."
        )


def _dags_of(reader: Reader, call: Call, ids: Sequence[str]) -> list[Dag]:
    """Return the DAGs with these ids, or of jobs with these ids; unknown ids are ignored."""
    project_id = call.project_id
    jobs = reader.jobs_of_ids(project_id, ids)
    return reader.dags_of_ids(project_id, [*ids, *(job.dag_id for job in jobs)])


def _check_run(reader: Reader, call: Call, run_id: str) -> None:
    """Check that the run is the job's own, or that the job made its latest stage."""
    asking = _asking_job(reader, call.caller)
    if asking.run_id != run_id:
        stage = reader.last_stage(call.project_id, run_id)
        _check_dag(reader, call, stage, f"run {shown(run_id)}")


def _check_dag(reader: Reader, call: Call, dag: Dag | None, what: str) -> None:
    asking = _asking_job(reader, call.caller)
    if dag is None or not is_within_reach(asking, dag, maker_dag=_maker_dag(reader)):
        own = f"run {shown(asking.run_id)}" if asking.run_id else f"DAG {asking.dag_id}"
        raise _forbidden(
            call.caller,
            f"something of its own {own}, or made by it",
            what,
            "A job's token is limited to its run: use a token of your own for more.",
        )


def _maker_dag(reader: Reader) -> Callable[[Dag], Dag | None]:
    def maker_dag(dag: Dag) -> Dag | None:
        maker = reader.job(dag.made_by) if dag.made_by is not None else None
        return None if maker is None else reader.dag(maker.dag_id)

    return maker_dag


def _asking_job(reader: Reader, caller: Caller) -> Job:
    assert caller.attempt is not None
    job = reader.job(caller.attempt.job_id)
    assert job is not None, f"job {caller.attempt.job_id} vanished"
    return job


def _forbidden(caller: Caller, expected: str, found: str, next_step: str) -> Forbidden:
    return Forbidden(caller.name, expected=expected, found=found, next_step=next_step)
