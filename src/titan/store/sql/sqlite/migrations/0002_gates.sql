-- Gates, retries, results, concurrency keys, keys that expire, and submissions that know their repeats.
--
-- A check of a column cannot be changed in place, so `dags` and `jobs` are written anew; foreign keys are off while
-- migrations run, and checked after each.

alter table runs add column orchestrator text check (json_type(orchestrator) = 'object');

alter table stored_values add column expires_at_us integer;

create index stored_values_by_expiry on stored_values (expires_at_us) where expires_at_us is not null;

create table new_dags (
    id text not null primary key,
    project_id text not null,
    name text not null,
    run_id text,
    agent_id text,
    on_failure text not null check (on_failure in ('continue', 'stop')),
    submitted_at_us integer not null,
    waiting integer not null check (waiting >= 0),
    waiting_approval integer not null check (waiting_approval >= 0),
    ready integer not null check (ready >= 0),
    running integer not null check (running >= 0),
    completed integer not null check (completed >= 0),
    failed integer not null check (failed >= 0),
    cancelled integer not null check (cancelled >= 0),
    made_by text references jobs (id),
    depth integer not null check (depth >= 0),
    submission_key text,
    content_digest text,
    started_at_us integer,
    ended_at_us integer,
    foreign key (project_id, run_id) references runs (project_id, id),
    constraint ended_when_no_job_is_left
        check ((ended_at_us is not null) = (waiting + waiting_approval + ready + running = 0)),
    constraint a_repeat_is_compared check ((submission_key is null) = (content_digest is null))
) strict;

insert into new_dags (
    id, project_id, name, run_id, agent_id, on_failure, submitted_at_us, waiting, ready, running, completed, failed,
    cancelled, made_by, depth, started_at_us, ended_at_us,
    waiting_approval
)
select
    id, project_id, name, run_id, agent_id, on_failure, submitted_at_us, waiting, ready, running, completed, failed,
    cancelled, made_by, depth, started_at_us, ended_at_us,
    0
from dags;

drop table dags;

alter table new_dags rename to dags;

create index dags_newest on dags (project_id, id);

create index dags_by_name on dags (project_id, name, id);

create index dags_by_run on dags (project_id, run_id, id) where run_id is not null;

create index dags_by_submission_key on dags (project_id, submission_key, id) where submission_key is not null;

create table new_jobs (
    id text not null primary key,
    project_id text not null,
    dag_id text not null references dags (id),
    run_id text,
    name text not null,
    kind text not null check (kind in ('work', 'gate')),
    requirement text not null,
    priority integer not null,
    affinity text not null check (affinity in ('none', 'soft', 'required')),
    concurrency_key text,
    status text not null
        check (status in ('WAITING', 'WAITING_APPROVAL', 'READY', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
    submitted_at_us integer not null,
    remaining_parents integer not null check (remaining_parents >= 0),
    ready_at_us integer,
    due_at_us integer,
    started_at_us integer,
    ended_at_us integer,
    reason text,
    is_cancel_requested integer not null check (is_cancel_requested in (0, 1)),
    attempt_count integer not null check (attempt_count >= 0),
    failed_count integer not null check (failed_count >= 0),
    lost_count integer not null check (lost_count >= 0),
    preferred_worker_id text,
    decision text check (json_type(decision) = 'object'),
    spec text not null,
    lane text generated always as (
        case
            when status <> 'READY' then null
            when affinity = 'required' and preferred_worker_id is not null then preferred_worker_id
            else '*'
        end
    ) virtual,
    unique (dag_id, name),
    constraint an_id_begins_with_its_dag check (substr(id, 1, length(dag_id) + 1) = dag_id || '.'),
    constraint a_final_job_has_an_end
        check ((status in ('COMPLETED', 'FAILED', 'CANCELLED')) = (ended_at_us is not null)),
    constraint a_ready_job_knows_since_when check (status <> 'READY' or ready_at_us is not null),
    constraint parents_come_first
        check (status not in ('WAITING_APPROVAL', 'READY', 'RUNNING', 'COMPLETED') or remaining_parents = 0),
    constraint only_gates_wait_for_approval check (status <> 'WAITING_APPROVAL' or kind = 'gate'),
    constraint only_gates_are_decided check (decision is null or kind = 'gate'),
    constraint gates_take_no_slot check (kind <> 'gate' or status not in ('READY', 'RUNNING')),
    constraint only_who_waits_has_a_due_time
        check (due_at_us is null or status in ('WAITING', 'WAITING_APPROVAL'))
) strict;

insert into new_jobs (
    id, project_id, dag_id, run_id, name, requirement, priority, affinity, status, submitted_at_us,
    remaining_parents, ready_at_us, due_at_us, started_at_us, ended_at_us, reason, is_cancel_requested,
    attempt_count, failed_count, lost_count, preferred_worker_id, spec,
    kind
)
select
    id, project_id, dag_id, run_id, name, requirement, priority, affinity, status, submitted_at_us,
    remaining_parents, ready_at_us, due_at_us, started_at_us, ended_at_us, reason, is_cancel_requested,
    attempt_count, failed_count, lost_count, preferred_worker_id, spec,
    'work'
from jobs;

drop table jobs;

alter table new_jobs rename to jobs;

create index jobs_newest on jobs (project_id, id);

create index jobs_by_name on jobs (project_id, name, id);

create index jobs_by_status on jobs (project_id, status, id);

create index jobs_to_take on jobs (lane, requirement, priority desc, ready_at_us, id) where lane is not null;

create index jobs_due on jobs (due_at_us, id) where due_at_us is not null;

create index jobs_gates on jobs (project_id, id) where kind = 'gate';

create index jobs_active_by_key on jobs (project_id, concurrency_key)
where concurrency_key is not null and status in ('READY', 'RUNNING');

create index jobs_held_by_key on jobs (project_id, concurrency_key, priority desc, id)
where concurrency_key is not null and status = 'WAITING' and remaining_parents = 0 and due_at_us is null;

create table results (
    job_id text not null primary key references jobs (id),
    project_id text not null,
    value text not null,
    set_at_us integer not null
) strict;

create index edges_by_child on edges (child_id);
