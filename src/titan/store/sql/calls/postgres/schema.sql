-- Recorded calls on PostgreSQL, in a schema of their own: table for table what ../sqlite/schema.sql says, where the
-- reasons stand. Names and ids compare by their bytes, as in SQLite. Long texts are compressed by PostgreSQL itself, so
-- `packs` stays empty.
-- Whoever changes this file raises its version, here and for SQLite, and adds the step to it in migrations/ (decision 57).
-- version: 43

create schema if not exists calls;

set local search_path = calls;

create table meta (
    name text collate "C" not null primary key,
    value text collate "C" not null
);

create table runs (
    run_no bigint primary key,
    project_id text collate "C" not null,
    id text collate "C" not null,
    agent_id text collate "C" not null,
    session_id text collate "C",
    parent_run_id text collate "C",
    forked_at_action_id text collate "C",
    name text collate "C",
    status text collate "C" not null check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
    status_source text collate "C" not null check (status_source in ('explicit', 'inferred', 'stages')),
    started_at_us bigint not null,
    last_event_at_us bigint not null,
    received_at_us bigint not null,
    ended_at_us bigint,
    reason text collate "C",
    has_stages bigint not null check (has_stages in (0, 1)),
    running bigint not null check (running >= 0),
    success bigint not null check (success >= 0),
    error bigint not null check (error >= 0),
    blocked bigint not null check (blocked >= 0),
    rejected bigint not null check (rejected >= 0),
    replayed bigint not null check (replayed >= 0),
    cost bigint not null,
    prevented bigint not null,
    saved bigint not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    last_outcome text collate "C",
    last_ended_at_us bigint,
    first_error_id text collate "C",
    first_error text collate "C",
    first_error_at_us bigint,
    last_started_at_us bigint,
    done bigint,
    total bigint,
    progress_at_us bigint,
    tags text collate "C" not null check (tags like '[%'),
    pinned_at_us bigint,
    archived_at_us bigint,
    entry_count bigint not null default 0,
    text_count bigint not null default 0,
    link bytea not null default decode(repeat('00', 32), 'hex') check (length(link) = 32),
    version bigint not null,
    is_packed bigint not null default 0 check (is_packed in (0, 1)),
    calls bigint not null generated always as (running + success + error + blocked + rejected + replayed) stored,
    duration_us bigint not null generated always as (coalesce(ended_at_us - started_at_us, -1)) stored,
    success_rate double precision not null generated always as (
        case
            when success + error + blocked + rejected > 0
                then cast(success as double precision) / (success + error + blocked + rejected)
            else -1
        end
    ) stored,
    unpriced bigint not null default 0 check (unpriced >= 0),
    agent_order bigint not null default 0,
    detail_digests text collate "C" not null default '[]',
    keeps_content bigint not null default 1 check (keeps_content in (0, 1)),
    estimated bigint not null default 0 check (estimated >= 0),
    reported_end text collate "C",
    status_version bigint not null default 0,
    lost bigint not null default 0 check (lost >= 0),
    troubles bigint not null default 0 check (troubles >= 0),
    seen bigint not null default 0,
    actions_version bigint not null default 0,
    totals_version bigint not null default 0,
    determinism bigint check (determinism between 0 and 100),
    code_digest text,
    determinism_order bigint not null generated always as (coalesce(determinism, -1)) stored,
    determinism_version bigint not null default 0,
    imported_at_us bigint,
    trusted_at_us bigint,
    origin text collate "C" not null default 'production' check (origin in ('production', 'evaluation')),
    unique (project_id, id)
);

-- What the lists sort by, with what they filter by behind it, so that a row is looked at only when it is shown.
create index runs_by_start on runs (project_id, started_at_us, run_no, status, agent_id, cost, archived_at_us, origin);

create index runs_by_agent on runs (project_id, agent_id, started_at_us, run_no, status, cost, archived_at_us, origin);

create index runs_by_status on runs (project_id, status, started_at_us, run_no, agent_id, cost, archived_at_us, origin);

create index runs_by_cost on runs (project_id, cost, run_no, started_at_us, status, agent_id, archived_at_us, origin);

create index runs_by_duration
on runs (project_id, duration_us, run_no, started_at_us, status, agent_id, cost, archived_at_us, origin);

create index runs_by_parent on runs (project_id, parent_run_id, started_at_us, run_no) where parent_run_id is not null;
create index runs_by_session on runs (project_id, session_id, started_at_us, run_no) where session_id is not null;

-- Which runs changed since: every change of a row takes a number from the same series as the entries.
create index runs_changed on runs (project_id, version, id, agent_id);

create index runs_newest_change on runs (version);

-- Runs that may have fallen silent: those in which nothing runs, and those with a call that may take long.
create index runs_silent on runs (received_at_us) where status = 'running' and has_stages = 0 and running = 0;

create index runs_silent_within_call on runs (received_at_us) where status = 'running' and has_stages = 0 and running > 0;

create index runs_left_open on runs (received_at_us)
where running > 0 and status in ('completed', 'failed', 'cancelled');

create index runs_to_pack on runs (received_at_us)
where is_packed = 0 and status in ('completed', 'failed', 'cancelled');

create index runs_that_ended on runs (last_event_at_us)
where pinned_at_us is null and status in ('completed', 'failed', 'cancelled');

create index runs_pinned on runs (project_id, id) where pinned_at_us is not null;

-- What the page of agent runs lists.
create index runs_staged on runs (project_id, started_at_us, run_no, origin) where has_stages = 1;

-- Runs whose actions changed since their totals were computed.
create index runs_to_total on runs (run_no) where totals_version < actions_version;

-- Versions of an agent, by the code of its runs.
create index runs_by_code on runs (project_id, agent_id, code_digest, started_at_us, determinism, origin)
where code_digest is not null;

-- Runs that ended, and whose actions changed since their determinism was computed, or what is accepted or measured in it.
create index runs_to_score on runs (run_no)
where determinism_version < actions_version and status in ('completed', 'failed', 'cancelled');

create index runs_in_need on runs (project_id, last_event_at_us, run_no, origin)
where error > 0 or blocked > 0 or rejected > 0 or status = 'failed' or lost > 0;

create index runs_unseen on runs (project_id, last_event_at_us, run_no, origin)
where (error > 0 or blocked > 0 or rejected > 0 or status = 'failed' or lost > 0) and troubles > seen;

create table agent_hours (
    project_id text collate "C" not null,
    agent_id text collate "C" not null,
    hour bigint not null,
    stopped bigint not null,
    attempts bigint not null,
    primary key (project_id, agent_id, hour)
);

create table actions (
    number bigint primary key,
    project_id text collate "C" not null,
    run_no bigint not null references runs (run_no),
    id text collate "C" not null,
    sources text collate "C" not null,
    kind text collate "C" not null
        check (kind in ('model', 'tool', 'call', 'agent', 'step', 'turn', 'thought', 'handoff', 'event')),
    name text collate "C" not null,
    agent_id text collate "C" not null,
    parent_id text collate "C",
    actor text collate "C",
    started_at_us bigint not null,
    ended_at_us bigint,
    duration_ns bigint,
    outcome text collate "C"
        check (outcome in ('success', 'error', 'blocked', 'rejected', 'replayed', 'idempotent_replay')),
    cost bigint,
    is_cost_estimated bigint not null check (is_cost_estimated in (0, 1)),
    model text collate "C",
    provider text collate "C",
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    response_id text collate "C",
    error_type text collate "C",
    error_message text collate "C",
    impact text collate "C",
    effect text collate "C",
    tags text collate "C",
    is_redacted bigint not null check (is_redacted in (0, 1)),
    redaction_version bigint not null,
    has_inputs bigint not null check (has_inputs in (0, 1)),
    has_outputs bigint not null check (has_outputs in (0, 1)),
    is_call bigint not null check (is_call in (0, 1)),
    has_cost bigint not null check (has_cost in (0, 1)),
    has_tokens bigint not null check (has_tokens in (0, 1)),
    duplicate_of bigint,
    version bigint not null,
    recounted bigint,
    is_evaluation bigint not null default 0 check (is_evaluation in (0, 1))
);

create unique index actions_of_run on actions (run_no, id);

-- A change of an action comes with an entry, unless it counts otherwise by now (`rules.totals`) or was closed.
create index actions_recounted on actions (run_no, recounted) where recounted is not null;

-- Calls of our model endpoint, which others report in whatever runs (`model.actions.OWN_ANSWER`).
create index actions_by_own_answer on actions (response_id)
where kind = 'model' and length(response_id) = 41 and substr(response_id, 1, 9) = 'chatcmpl-';

-- What guards of agentsentinel-sdk did: events that it reported (`insight.interventions`).
create index interventions on actions (project_id, started_at_us, number) where kind = 'event' and sources = 'sentinel';

-- The ledger shows calls alone; what frames them is a run's own business. Indexes are most of what a call costs to write,
-- so only the two that every list needs hold all calls; the others hold what is rare enough to be looked for.
create index calls_by_time on actions (project_id, started_at_us, number, agent_id, outcome, is_call, is_evaluation)
where kind in ('model', 'tool', 'call');

create index calls_by_name on actions (project_id, name, started_at_us, number, is_call, is_evaluation)
where kind in ('model', 'tool', 'call');

create index calls_by_outcome on actions (project_id, outcome, started_at_us, number, is_call, is_evaluation)
where kind in ('model', 'tool', 'call') and outcome is distinct from 'success';

-- From half a cent and from three seconds on.
create index calls_that_cost_much on actions (project_id, cost, number)
where kind in ('model', 'tool', 'call') and cost >= 5000000000;

create index calls_that_took_long on actions (project_id, duration_ns, number)
where kind in ('model', 'tool', 'call') and duration_ns >= 3000000000;

create index calls_that_failed on actions (project_id, agent_id, error_type, started_at_us, number, is_evaluation)
where error_type is not null;

-- What frames calls, and counts in place of those that were lost.
create index frames_that_count on actions (project_id, started_at_us, number)
where kind not in ('model', 'tool', 'call') and (has_cost = 1 or has_tokens = 1);

-- An entry, and who and what it is about. What it says stands in `bodies`, or, once its run is over, in a row of `packs`.
create table entries (
    number bigint primary key,
    project_id text collate "C" not null,
    run_no bigint not null,
    action_number bigint,
    received_at_us bigint not null
);

create index entries_of_run on entries (run_no, number, action_number);

-- `inputs` and `outputs` are JSON in the typed encoding; `*_shared` says which of the run's texts go into it, as ranges:
-- "1-7,9". Payloads over 64 KiB are blobs: then it is "blob:" and their digest, and the text holds their beginning.
create table bodies (
    number bigint primary key,
    project_id text collate "C" not null,
    facts text collate "C" not null,
    inputs text collate "C",
    inputs_shared text collate "C",
    outputs text collate "C",
    outputs_shared text collate "C",
    link bytea not null check (length(link) = 32)
);

-- Messages of conversations, which come again with every call: a run keeps each once. `digest` is BLAKE2b of the content.
create table texts (
    id bigint generated always as identity primary key,
    project_id text collate "C" not null,
    run_no bigint not null,
    text_no bigint not null check (text_no >= 1),
    digest bytea not null check (length(digest) = 16),
    content text collate "C" not null
);

create unique index texts_of_run on texts (run_no, text_no);

-- The tapes of runs that are over, compressed by zlib: JSON lists of rows of `bodies` or of `texts`, which then are gone.
-- Numbers are those of the rows.
create table packs (
    id bigint generated always as identity primary key,
    project_id text collate "C" not null,
    run_no bigint not null,
    kind text collate "C" not null check (kind in ('entries', 'texts')),
    first bigint not null,
    last bigint not null,
    data bytea not null
);

create index packs_of_run on packs (run_no, kind, first, last);

-- Each entry with the words that were new with it, put together by the store so that both databases agree what a word is.
create table words (
    number bigint not null primary key,
    words tsvector not null
);

create index words_of_entries on words using gin (words);

create table blobs (
    digest text collate "C" not null check (length(digest) = 64),
    run_no bigint not null,
    project_id text collate "C" not null,
    primary key (digest, run_no)
);

create index blobs_of_run on blobs (run_no);

-- What people say of a run or an action.
create table notes (
    id text collate "C" not null,
    project_id text collate "C" not null,
    run_no bigint not null references runs (run_no),
    action_id text collate "C",
    author text collate "C" not null,
    at_us bigint not null,
    name text collate "C",
    score double precision,
    content text collate "C" not null,
    acknowledges bigint not null default 0 check (acknowledges in (0, 1)),
    mutes bigint not null default 0 check (mutes in (0, 1)),
    troubles bigint not null default 0,
    primary key (project_id, id)
);

create index notes_of_run on notes (run_no, at_us);

-- Sources of non-determinism that a person accepts in all runs of an agent, by the key of the issue.
create table accepted_issues (
    project_id text collate "C" not null,
    agent_id text collate "C" not null,
    issue_key text collate "C" not null,
    author text collate "C" not null,
    reason text collate "C" not null,
    at_us bigint not null,
    primary key (project_id, agent_id, issue_key)
);

-- Replays of a run: what became of checking it, or of comparing it with another. They go with either run.
create table replays (
    id text collate "C" not null,
    project_id text collate "C" not null,
    run_no bigint not null references runs (run_no),
    with_run_no bigint references runs (run_no),
    level text collate "C" not null check (level in ('self_check', 'compare', 're_execute')),
    state text collate "C" not null check (state in ('running', 'completed', 'failed', 'cancelled')),
    author text collate "C" not null,
    created_at_us bigint not null,
    ended_at_us bigint,
    dag_id text,
    error text collate "C",
    metrics text collate "C",
    result text collate "C",
    primary key (project_id, id)
);

create index replays_of_run on replays (run_no, created_at_us);

create index replays_with_run on replays (with_run_no) where with_run_no is not null;

-- Other names of runs: a trace, or an answer of our model endpoint, of which reports came before its run was named. What
-- was recorded by then stays where it is, under the number `tape_no`, with how far its chain had come.
create table aliases (
    project_id text collate "C" not null,
    id text collate "C" not null,
    run_no bigint not null references runs (run_no),
    tape_no bigint,
    text_count bigint not null default 0,
    link bytea check (length(link) = 32),
    primary key (project_id, id)
);

create index aliases_of_run on aliases (run_no);

create unique index aliases_of_tape on aliases (tape_no) where tape_no is not null;

-- What tasks and agent runs name by its SHA-256, in JSON: worlds without their initial state, initial states, seeds and
-- scorers. A row is deleted with the last that names it.
create table definitions (
    project_id text collate "C" not null,
    digest text collate "C" not null,
    content text collate "C" not null,
    primary key (project_id, digest)
);

-- Workflows: worlds, and the agents that are tried in them.
create table workflows (
    project_id text collate "C" not null,
    id text collate "C" not null,
    name text collate "C" not null,
    definition text collate "C" not null,
    created_at_us bigint not null,
    updated_at_us bigint not null,
    primary key (project_id, id)
);

create table tasks (
    project_id text collate "C" not null,
    workflow_id text collate "C" not null,
    id text collate "C" not null,
    name text collate "C" not null,
    seed text collate "C" not null,
    seed_digest text collate "C" not null,
    scorers text collate "C" not null,
    created_at_us bigint not null,
    seeded_at_us bigint not null,
    state_digest text collate "C",
    primary key (project_id, workflow_id, id),
    foreign key (project_id, workflow_id) references workflows (project_id, id)
);

create index tasks_of_state on tasks (project_id, state_digest) where state_digest is not null;

create table registered_agents (
    project_id text collate "C" not null,
    id text collate "C" not null,
    version bigint not null check (version >= 1),
    definition text collate "C" not null,
    created_at_us bigint not null,
    workflow_id text collate "C",
    primary key (project_id, id, version)
);

-- Tries of agents at tasks. What they did stands in the run of the same id, which begins with the agent.
create table tool_endpoints (
    project_id text collate "C" not null,
    id text collate "C" not null,
    definition text collate "C" not null,
    created_at_us bigint not null,
    updated_at_us bigint not null,
    primary key (project_id, id)
);

create table agent_runs (
    project_id text collate "C" not null,
    run_id text collate "C" not null,
    workflow_id text collate "C" not null,
    task_id text collate "C" not null,
    field text collate "C" not null,
    agent_id text collate "C" not null,
    agent_version bigint not null,
    attempt bigint not null check (attempt >= 1),
    trigger text collate "C" not null check (trigger in ('seed', 'auto_redispatch', 'rerun')),
    source_run_id text collate "C",
    status text collate "C" not null check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
    error_class text collate "C" check (
        error_class in (
            'auth_failed', 'agent_timeout', 'agent_5xx', 'agent_4xx', 'agent_bad_response', 'agent_unreachable',
            'proxy_misconfigured', 'contract_error', 'transport_error', 'internal_error'
        )
    ),
    error text collate "C",
    seed_digest text collate "C" not null,
    config text collate "C" not null,
    queued_at_us bigint not null,
    started_at_us bigint,
    agent_done_at_us bigint,
    ended_at_us bigint,
    response text collate "C",
    final_response text collate "C",
    messages text collate "C",
    metadata text collate "C",
    soft_warnings text collate "C" not null,
    verdict text collate "C" not null check (verdict in ('PASS', 'FAIL', 'PENDING', 'NOT APPLICABLE')),
    failure_mode text collate "C",
    scorers text collate "C" not null,
    sources text collate "C" not null,
    violations bigint not null check (violations >= 0),
    agent_cost text collate "C",
    simulator_cost text collate "C",
    world_digest text collate "C",
    state_digest text collate "C",
    scorers_digest text collate "C",
    primary key (project_id, run_id),
    foreign key (project_id, workflow_id, task_id) references tasks (project_id, workflow_id, id)
);

create index agent_runs_of_task on agent_runs (project_id, workflow_id, task_id, queued_at_us);

create index agent_runs_of_workflow on agent_runs (project_id, workflow_id, queued_at_us);

create index agent_runs_unfinished on agent_runs (queued_at_us) where status in ('pending', 'running');

create index agent_runs_of_world on agent_runs (project_id, world_digest) where world_digest is not null;

create index agent_runs_of_state on agent_runs (project_id, state_digest) where state_digest is not null;

create index agent_runs_of_scorers on agent_runs (project_id, scorers_digest) where scorers_digest is not null;

create index agent_runs_of_seed on agent_runs (project_id, seed_digest);
