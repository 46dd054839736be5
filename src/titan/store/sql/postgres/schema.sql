-- The control store on PostgreSQL: table for table what ../sqlite/schema.sql says, where the reasons stand.
--
-- Names and ids have collation "C": they compare by their bytes, as in SQLite, whatever the database's own collation is.
-- Flags are integers 0 and 1, so that a row reads the same from both databases. JSON is text that no query looks into.
-- Whoever changes this file raises its version, here and for SQLite, and adds the step to it in migrations/ (decision 57).
-- version: 21

create table meta (
    name text collate "C" not null primary key,
    value text not null
);

create table run_control (
    project_id text collate "C" not null,
    id text collate "C" not null,
    agent_id text collate "C" not null,
    started_at_us bigint not null,
    last_activity_at_us bigint not null,
    stage_count bigint not null check (stage_count >= 0),
    job_count bigint not null check (job_count >= 0),
    live_job_count bigint not null check (live_job_count between 0 and job_count),
    outcome text check (outcome in ('completed', 'failed', 'cancelled')),
    ended_at_us bigint,
    reason text,
    orchestrator text check (orchestrator like '{%'),
    primary key (project_id, id),
    constraint an_outcome_has_a_time check (outcome is null or ended_at_us is not null)
);

create index run_control_quiet on run_control (last_activity_at_us, project_id, id) where live_job_count = 0;

create table workers (
    id text collate "C" not null primary key,
    organisation_id text collate "C" not null,
    name text collate "C" not null,
    host text not null,
    pid bigint not null,
    offers text not null check (offers like '{%'),
    version text not null,
    state text not null check (state in ('connected', 'lost', 'left')),
    joined_at_us bigint not null,
    seen_at_us bigint not null,
    server_id text collate "C" not null default '',
    is_draining bigint not null default 0 check (is_draining in (0, 1)),
    load text check (load like '{%'),
    token_id text collate "C",
    confines bigint not null default 0 check (confines in (0, 1)),
    parks text not null default '["GENERAL"]' check (parks like '[%'),
    max_parked bigint not null default 64 check (max_parked >= 0)
);

create index workers_by_state on workers (state, id);

create table dags (
    id text collate "C" not null primary key,
    project_id text collate "C" not null,
    name text collate "C" not null,
    run_id text collate "C",
    agent_id text collate "C",
    on_failure text not null check (on_failure in ('continue', 'stop')),
    submitted_at_us bigint not null,
    waiting bigint not null check (waiting >= 0),
    waiting_approval bigint not null check (waiting_approval >= 0),
    ready bigint not null check (ready >= 0),
    running bigint not null check (running >= 0),
    completed bigint not null check (completed >= 0),
    failed bigint not null check (failed >= 0),
    cancelled bigint not null check (cancelled >= 0),
    made_by text collate "C",
    depth bigint not null check (depth >= 0),
    submission_key text collate "C",
    content_digest text,
    started_at_us bigint,
    ended_at_us bigint,
    cancelled_by text,
    is_internal bigint not null default 0 check (is_internal in (0, 1)),
    origin text collate "C" not null default 'production' check (origin in ('production', 'evaluation')),
    foreign key (project_id, run_id) references run_control (project_id, id),
    constraint ended_when_no_job_is_left
        check ((ended_at_us is not null) = (waiting + waiting_approval + ready + running = 0)),
    constraint a_repeat_is_compared check ((submission_key is null) = (content_digest is null))
);

create index dags_newest on dags (project_id, id);

create index dags_by_origin on dags (project_id, origin, id);

create index dags_by_name on dags (project_id, name, id);

create index dags_by_run on dags (project_id, run_id, id) where run_id is not null;

create index dags_by_submission_key on dags (project_id, submission_key, id) where submission_key is not null;

create index dags_ended_alone on dags (ended_at_us) where run_id is null and ended_at_us is not null;

create index dags_by_maker on dags (made_by) where made_by is not null;

-- `lane` says who may take a job now: '*' any worker, an id that worker only, null nobody. It makes both questions of
-- dispatch one range of one small index, so READY jobs that this worker cannot do cost it nothing.
create table jobs (
    id text collate "C" not null primary key,
    project_id text collate "C" not null,
    dag_id text collate "C" not null references dags (id),
    run_id text collate "C",
    name text collate "C" not null,
    kind text not null check (kind in ('work', 'gate')),
    requirement text collate "C" not null,
    priority bigint not null,
    affinity text not null check (affinity in ('none', 'soft', 'required')),
    concurrency_key text collate "C",
    status text not null
        check (status in ('WAITING', 'WAITING_APPROVAL', 'READY', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
    submitted_at_us bigint not null,
    remaining_parents bigint not null check (remaining_parents >= 0),
    ready_at_us bigint,
    due_at_us bigint,
    started_at_us bigint,
    ended_at_us bigint,
    reason text,
    is_cancel_requested bigint not null check (is_cancel_requested in (0, 1)),
    attempt_count bigint not null check (attempt_count >= 0),
    failed_count bigint not null check (failed_count >= 0),
    lost_count bigint not null check (lost_count >= 0),
    preferred_worker_id text collate "C",
    decision text check (decision like '{%'),
    spec text not null,
    lane text collate "C" generated always as (
        case
            when status <> 'READY' then null
            when affinity = 'required' and preferred_worker_id is not null then preferred_worker_id
            else '*'
        end
    ) stored,
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
);

-- Rows of jobs change a few times each: dead ones are swept when some thousands have gathered, not when a fifth of the
-- table has.
alter table jobs set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create index jobs_newest on jobs (project_id, id);

create index jobs_by_name on jobs (project_id, name, id);

create index jobs_by_status on jobs (project_id, status, id);

-- The columns behind the id, here and in the next, let the parts of a queue be counted without a look at the rows.
create index jobs_to_take on jobs (lane, requirement, priority desc, ready_at_us, id, project_id)
where lane is not null;

create index jobs_due on jobs (due_at_us, id, project_id, status, failed_count, lost_count)
where due_at_us is not null;

create index jobs_gates on jobs (project_id, id) where kind = 'gate';

create index jobs_active_by_key on jobs (project_id, concurrency_key)
where concurrency_key is not null and status in ('READY', 'RUNNING');

-- A job that is held has nothing before it but the limit of its concurrency key.
create index jobs_held_by_key on jobs (project_id, concurrency_key, priority desc, id)
where concurrency_key is not null and status = 'WAITING' and remaining_parents = 0 and due_at_us is null;

alter table dags add constraint dags_made_by_fkey foreign key (made_by) references jobs (id);

create table edges (
    parent_id text collate "C" not null references jobs (id),
    child_id text collate "C" not null references jobs (id),
    project_id text collate "C" not null,
    primary key (parent_id, child_id),
    constraint no_job_is_its_own_parent check (parent_id <> child_id)
);

-- `edges_of_dag` and foreign keys look for the edges into a job.
create index edges_by_child on edges (child_id);

-- `ordinal` counts a job's attempts from 1, given back ones too; `number` is what people read.
create table attempts (
    lease_id text collate "C" not null primary key,
    project_id text collate "C" not null,
    job_id text collate "C" not null references jobs (id),
    ordinal bigint not null check (ordinal >= 1),
    number bigint not null check (number >= 1),
    worker_id text collate "C" not null references workers (id),
    label text collate "C" not null,
    token text collate "C" not null,
    leased_at_us bigint not null,
    expires_at_us bigint not null,
    started_at_us bigint,
    ended_at_us bigint,
    outcome text check (outcome in ('succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'returned')),
    exit_code bigint,
    signal bigint,
    duration_ns bigint check (duration_ns >= 0),
    peak_memory_bytes bigint check (peak_memory_bytes >= 0),
    error text,
    is_stop_requested bigint not null check (is_stop_requested in (0, 1)),
    ready_at_us bigint,
    wait text check (wait like '{%'),
    parked_at_us bigint,
    woken_at_us bigint,
    parked_ns bigint not null default 0 check (parked_ns >= 0),
    unique (job_id, ordinal),
    constraint ended_with_an_outcome check ((outcome is null) = (ended_at_us is null))
);

create unique index attempts_one_live_per_job on attempts (job_id) where outcome is null;

create unique index attempts_live_by_token on attempts (token) where outcome is null;

-- One that is parked holds no slot.
create index attempts_live_by_worker on attempts (worker_id, label, parked_at_us) where outcome is null;

create index attempts_waiting on attempts (job_id) where outcome is null and wait is not null;

create index attempts_live_by_expiry on attempts (expires_at_us) where outcome is null;

-- What a worker has tried, the newest last.
create index attempts_by_worker on attempts (worker_id, ended_at_us, job_id);

-- A path can be noted by every attempt that may have written it; `noted_at_us` says who was last.
create table attempt_files (
    lease_id text collate "C" not null references attempts (lease_id),
    place text not null check (place in ('workspace', 'archive', 'artifact')),
    path text not null,
    project_id text collate "C" not null,
    node text not null,
    size_bytes bigint not null check (size_bytes >= 0),
    digest text check (length(digest) = 64),
    modified_at_us bigint not null,
    reason text,
    noted_at_us bigint not null,
    primary key (lease_id, place, path),
    constraint no_content_has_a_reason check (digest is not null or reason is not null)
);

create index attempt_files_by_digest on attempt_files (digest) where digest is not null;

-- What a job said it found, as JSON; the latest attempt's word counts.
create table results (
    job_id text collate "C" not null primary key references jobs (id),
    project_id text collate "C" not null,
    value text not null,
    set_at_us bigint not null
);

-- Append-only. The next seq follows the newest row, so whoever cuts the journal leaves that row in place, and notes
-- the highest seq that went in `meta` under `journal_cut`: a reader that asks from before it has missed something.
create table journal (
    seq bigint not null primary key check (seq >= 1),
    project_id text collate "C",
    at_us bigint not null,
    run_id text collate "C",
    dag_id text collate "C",
    job_id text collate "C",
    kind text not null,
    cause text not null,
    data text not null
);

create index journal_by_run on journal (run_id, seq) where run_id is not null;

create index journal_by_dag on journal (dag_id, seq) where dag_id is not null;

create index journal_by_job on journal (job_id, seq) where job_id is not null;

create index journal_of_dags_alone on journal (dag_id, seq) where dag_id is not null and job_id is null;

create table stored_values (
    project_id text collate "C" not null,
    key text collate "C" not null,
    value text not null,
    artifact text check (length(artifact) = 64),
    changed_at_us bigint not null,
    expires_at_us bigint,
    run_id text collate "C",
    primary key (project_id, key)
);

create index stored_values_by_expiry on stored_values (expires_at_us) where expires_at_us is not null;

create index stored_values_by_artifact on stored_values (artifact, project_id, key) where artifact is not null;

-- A member may be 10 MiB long, and no index entry longer than 2.7 kB: its digest stands for it. `convert_to` counts as
-- changeable because a database's encoding could be changed; this one's cannot.
create function digest_of(content text) returns bytea
language sql immutable strict parallel safe
as $$ select sha256(convert_to(content, 'UTF8')) $$;

create table members (
    project_id text collate "C" not null,
    key text collate "C" not null,
    member text collate "C" not null,
    position bigint not null check (position >= 1),
    added_at_us bigint not null,
    primary key (project_id, key, position)
);

create unique index members_once on members (project_id, key, digest_of(member));

create table files (
    project_id text collate "C" not null,
    name text collate "C" not null,
    digest text not null check (length(digest) = 64),
    size_bytes bigint not null check (size_bytes >= 0),
    changed_at_us bigint not null,
    run_id text collate "C",
    primary key (project_id, name)
);

create index files_by_digest on files (digest);

create table receipts (
    project_id text collate "C" not null,
    key text collate "C" not null,
    fingerprint text not null,
    answer text not null,
    created_at_us bigint not null,
    primary key (project_id, key)
);

create index receipts_oldest on receipts (created_at_us);

-- Who owns projects and tokens, beside the server's own organisation `local`, which has no row.
create table organisations (
    id text collate "C" not null primary key,
    created_at_us bigint not null
);

-- A token's secret is not here, only its SHA-256: it is 256 random bits, which no list of guesses can hold, so it needs
-- no salt. `last_used_at_us` is written at most once a minute.
create table tokens (
    id text collate "C" not null primary key,
    organisation_id text collate "C" not null,
    project_id text collate "C",
    name text collate "C" not null,
    role text not null check (role in ('admin', 'owner', 'manager', 'worker', 'viewer', 'key')),
    hash text not null check (length(hash) = 64),
    created_at_us bigint not null,
    last_used_at_us bigint,
    expires_at_us bigint,
    revoked_at_us bigint,
    is_trusted bigint not null default 0 check (is_trusted in (0, 1)),
    labels text check (labels like '[%'),
    scopes text check (scopes like '[%'),
    last_four text collate "C",
    constraint a_key_has_scopes check ((role = 'key') = (scopes is not null))
);

create index tokens_newest on tokens (created_at_us, id);

-- A browser that was signed in with a token: it shows a secret of its own, of which only the SHA-256 is here.
create table sign_ins (
    hash text collate "C" not null primary key check (length(hash) = 64),
    token_id text collate "C" not null references tokens (id),
    created_at_us bigint not null,
    expires_at_us bigint not null
);

create index sign_ins_by_expiry on sign_ins (expires_at_us);
