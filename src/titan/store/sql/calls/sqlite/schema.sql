-- calls.db: what agent runs did. Entries are appended, chained and never changed: they are the tape. `runs` and `actions`
-- are projections of them, narrow, for lists and filters; bodies stand in the entries, words in the index of words.
--
-- Times are integer microseconds since 1970 in UTC (*_us), durations nanoseconds (*_ns), money picodollars (10^-12 US$).
-- Tables with long rows have a rowid.
-- Whoever changes this file raises its version, here and for PostgreSQL, and adds the step to it in migrations/ (decision 57).
-- version: 43

create table meta (
    name text not null primary key,
    value text not null
) strict, without rowid;

create table runs (
    run_no integer primary key,
    project_id text not null,
    id text not null,
    agent_id text not null,
    session_id text,
    parent_run_id text,
    forked_at_action_id text,
    name text,
    status text not null check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
    status_source text not null check (status_source in ('explicit', 'inferred', 'stages')),
    started_at_us integer not null,
    last_event_at_us integer not null,
    received_at_us integer not null,
    ended_at_us integer,
    reason text,
    has_stages integer not null check (has_stages in (0, 1)),
    running integer not null check (running >= 0),
    success integer not null check (success >= 0),
    error integer not null check (error >= 0),
    blocked integer not null check (blocked >= 0),
    rejected integer not null check (rejected >= 0),
    replayed integer not null check (replayed >= 0),
    cost integer not null,
    prevented integer not null,
    saved integer not null,
    input_tokens integer not null,
    output_tokens integer not null,
    last_outcome text,
    last_ended_at_us integer,
    first_error_id text,
    first_error text,
    first_error_at_us integer,
    last_started_at_us integer,
    done integer,
    total integer,
    progress_at_us integer,
    tags text not null check (json_type(tags) = 'array'),
    pinned_at_us integer,
    archived_at_us integer,
    entry_count integer not null default 0,
    text_count integer not null default 0,
    link blob not null default (zeroblob(32)) check (length(link) = 32),
    version integer not null,
    is_packed integer not null default 0 check (is_packed in (0, 1)),
    calls integer not null generated always as (running + success + error + blocked + rejected + replayed) virtual,
    duration_us integer not null generated always as (coalesce(ended_at_us - started_at_us, -1)) virtual,
    success_rate real not null generated always as (
        case
            when success + error + blocked + rejected > 0
                then cast(success as real) / (success + error + blocked + rejected)
            else -1
        end
    ) virtual,
    unpriced integer not null default 0 check (unpriced >= 0),
    agent_order integer not null default 0,
    detail_digests text not null default '[]',
    keeps_content integer not null default 1 check (keeps_content in (0, 1)),
    estimated integer not null default 0 check (estimated >= 0),
    reported_end text,
    status_version integer not null default 0,
    lost integer not null default 0 check (lost >= 0),
    troubles integer not null default 0 check (troubles >= 0),
    seen integer not null default 0,
    actions_version integer not null default 0,
    totals_version integer not null default 0,
    determinism integer check (determinism between 0 and 100),
    code_digest text,
    determinism_order integer not null generated always as (coalesce(determinism, -1)) virtual,
    determinism_version integer not null default 0,
    imported_at_us integer,
    trusted_at_us integer,
    origin text not null default 'production' check (origin in ('production', 'evaluation')),
    unique (project_id, id)
) strict;

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

-- What an agent's production runs come to by the hour in which they started (hours since 1970): how often its runs are stopped is asked
-- of thirty days, and for many runs at once.
create table agent_hours (
    project_id text not null,
    agent_id text not null,
    hour integer not null,
    stopped integer not null,
    attempts integer not null,
    primary key (project_id, agent_id, hour)
) strict, without rowid;

create table actions (
    number integer primary key,
    project_id text not null,
    run_no integer not null references runs (run_no),
    id text not null,
    sources text not null,
    kind text not null
        check (kind in ('model', 'tool', 'call', 'agent', 'step', 'turn', 'thought', 'handoff', 'event')),
    name text not null,
    agent_id text not null,
    parent_id text,
    actor text,
    started_at_us integer not null,
    ended_at_us integer,
    duration_ns integer,
    outcome text
        check (outcome in ('success', 'error', 'blocked', 'rejected', 'replayed', 'idempotent_replay')),
    cost integer,
    is_cost_estimated integer not null check (is_cost_estimated in (0, 1)),
    model text,
    provider text,
    input_tokens integer,
    output_tokens integer,
    cache_read_tokens integer,
    cache_write_tokens integer,
    reasoning_tokens integer,
    response_id text,
    error_type text,
    error_message text,
    impact text,
    effect text,
    tags text,
    is_redacted integer not null check (is_redacted in (0, 1)),
    redaction_version integer not null,
    has_inputs integer not null check (has_inputs in (0, 1)),
    has_outputs integer not null check (has_outputs in (0, 1)),
    is_call integer not null check (is_call in (0, 1)),
    has_cost integer not null check (has_cost in (0, 1)),
    has_tokens integer not null check (has_tokens in (0, 1)),
    duplicate_of integer,
    version integer not null,
    recounted integer,
    is_evaluation integer not null default 0 check (is_evaluation in (0, 1))
) strict;

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
    number integer primary key,
    project_id text not null,
    run_no integer not null,
    action_number integer,
    received_at_us integer not null
) strict;

create index entries_of_run on entries (run_no, number, action_number);

-- `inputs` and `outputs` are JSON in the typed encoding; `*_shared` says which of the run's texts go into it, as ranges:
-- "1-7,9". Payloads over 64 KiB are blobs: then it is "blob:" and their digest, and the text holds their beginning.
create table bodies (
    number integer primary key,
    project_id text not null,
    facts text not null,
    inputs text,
    inputs_shared text,
    outputs text,
    outputs_shared text,
    link blob not null check (length(link) = 32)
) strict;

-- Messages of conversations, which come again with every call: a run keeps each once. `digest` is BLAKE2b of the content.
create table texts (
    id integer primary key,
    project_id text not null,
    run_no integer not null,
    text_no integer not null check (text_no >= 1),
    digest blob not null check (length(digest) = 16),
    content text not null
) strict;

create unique index texts_of_run on texts (run_no, text_no);

-- The tapes of runs that are over, compressed by zlib: JSON lists of rows of `bodies` or of `texts`, which then are gone.
-- Numbers are those of the rows.
create table packs (
    id integer primary key,
    project_id text not null,
    run_no integer not null,
    kind text not null check (kind in ('entries', 'texts')),
    first integer not null,
    last integer not null,
    data blob not null
) strict;

create index packs_of_run on packs (run_no, kind, first, last);

-- Each entry with the words that were new with it. It keeps no text of its own. Words of what is deleted stay in its
-- pages until they are merged with others: the store sees to that.
create virtual table words using fts5(
    text, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2"
);

-- Eight parts of a size before they are merged, not four: writing takes a quarter less, and finding no longer.
insert into words (words, rank) values ('automerge', 8);

create table blobs (
    digest text not null check (length(digest) = 64),
    run_no integer not null,
    project_id text not null,
    primary key (digest, run_no)
) strict, without rowid;

create index blobs_of_run on blobs (run_no);

-- What people say of a run or an action.
create table notes (
    id text not null,
    project_id text not null,
    run_no integer not null references runs (run_no),
    action_id text,
    author text not null,
    at_us integer not null,
    name text,
    score real,
    content text not null,
    acknowledges integer not null default 0 check (acknowledges in (0, 1)),
    mutes integer not null default 0 check (mutes in (0, 1)),
    troubles integer not null default 0,
    primary key (project_id, id)
) strict;

create index notes_of_run on notes (run_no, at_us);

-- Sources of non-determinism that a person accepts in all runs of an agent, by the key of the issue.
create table accepted_issues (
    project_id text not null,
    agent_id text not null,
    issue_key text not null,
    author text not null,
    reason text not null,
    at_us integer not null,
    primary key (project_id, agent_id, issue_key)
) strict, without rowid;

-- Replays of a run: what became of checking it, or of comparing it with another. They go with either run.
create table replays (
    id text not null,
    project_id text not null,
    run_no integer not null references runs (run_no),
    with_run_no integer references runs (run_no),
    level text not null check (level in ('self_check', 'compare', 're_execute')),
    state text not null check (state in ('running', 'completed', 'failed', 'cancelled')),
    author text not null,
    created_at_us integer not null,
    ended_at_us integer,
    dag_id text,
    error text,
    metrics text,
    result text,
    primary key (project_id, id)
) strict;

create index replays_of_run on replays (run_no, created_at_us);

create index replays_with_run on replays (with_run_no) where with_run_no is not null;

-- Other names of runs: a trace, or an answer of our model endpoint, of which reports came before its run was named. What
-- was recorded by then stays where it is, under the number `tape_no`, with how far its chain had come.
create table aliases (
    project_id text not null,
    id text not null,
    run_no integer not null references runs (run_no),
    tape_no integer,
    text_count integer not null default 0,
    link blob check (length(link) = 32),
    primary key (project_id, id)
) strict, without rowid;

create index aliases_of_run on aliases (run_no);

create unique index aliases_of_tape on aliases (tape_no) where tape_no is not null;

-- What tasks and agent runs name by its SHA-256, in JSON: worlds without their initial state, initial states, seeds and
-- scorers. A row is deleted with the last that names it.
create table definitions (
    project_id text not null,
    digest text not null,
    content text not null,
    primary key (project_id, digest)
) strict;

-- Workflows: worlds, and the agents that are tried in them.
create table workflows (
    project_id text not null,
    id text not null,
    name text not null,
    definition text not null,
    created_at_us integer not null,
    updated_at_us integer not null,
    primary key (project_id, id)
) strict;

create table tasks (
    project_id text not null,
    workflow_id text not null,
    id text not null,
    name text not null,
    seed text not null,
    seed_digest text not null,
    scorers text not null,
    created_at_us integer not null,
    seeded_at_us integer not null,
    state_digest text,
    primary key (project_id, workflow_id, id),
    foreign key (project_id, workflow_id) references workflows (project_id, id)
) strict;

create index tasks_of_state on tasks (project_id, state_digest) where state_digest is not null;

create table registered_agents (
    project_id text not null,
    id text not null,
    version integer not null check (version >= 1),
    definition text not null,
    created_at_us integer not null,
    workflow_id text,
    primary key (project_id, id, version)
) strict;

create table tool_endpoints (
    project_id text not null,
    id text not null,
    definition text not null,
    created_at_us integer not null,
    updated_at_us integer not null,
    primary key (project_id, id)
) strict;

-- Tries of agents at tasks. What they did stands in the run of the same id, which begins with the agent.
create table agent_runs (
    project_id text not null,
    run_id text not null,
    workflow_id text not null,
    task_id text not null,
    field text not null,
    agent_id text not null,
    agent_version integer not null,
    attempt integer not null check (attempt >= 1),
    trigger text not null check (trigger in ('seed', 'auto_redispatch', 'rerun')),
    source_run_id text,
    status text not null check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
    error_class text check (
        error_class in (
            'auth_failed', 'agent_timeout', 'agent_5xx', 'agent_4xx', 'agent_bad_response', 'agent_unreachable',
            'proxy_misconfigured', 'contract_error', 'transport_error', 'internal_error'
        )
    ),
    error text,
    seed_digest text not null,
    config text not null,
    queued_at_us integer not null,
    started_at_us integer,
    agent_done_at_us integer,
    ended_at_us integer,
    response text,
    final_response text,
    messages text,
    metadata text,
    soft_warnings text not null,
    verdict text not null check (verdict in ('PASS', 'FAIL', 'PENDING', 'NOT APPLICABLE')),
    failure_mode text,
    scorers text not null,
    sources text not null,
    violations integer not null check (violations >= 0),
    agent_cost text,
    simulator_cost text,
    world_digest text,
    state_digest text,
    scorers_digest text,
    primary key (project_id, run_id),
    foreign key (project_id, workflow_id, task_id) references tasks (project_id, workflow_id, id)
) strict;

create index agent_runs_of_task on agent_runs (project_id, workflow_id, task_id, queued_at_us);

create index agent_runs_of_workflow on agent_runs (project_id, workflow_id, queued_at_us);

create index agent_runs_unfinished on agent_runs (queued_at_us) where status in ('pending', 'running');

create index agent_runs_of_world on agent_runs (project_id, world_digest) where world_digest is not null;

create index agent_runs_of_state on agent_runs (project_id, state_digest) where state_digest is not null;

create index agent_runs_of_scorers on agent_runs (project_id, scorers_digest) where scorers_digest is not null;

create index agent_runs_of_seed on agent_runs (project_id, seed_digest);
