What is asked of calls.db.

-- name: run_no
select run_no from runs where project_id = :project_id and id = :run_id
union all
select run_no from aliases where project_id = :project_id and id = :run_id

-- name: run
select {run_columns}
from runs
where
    runs.run_no = coalesce(
        (select named.run_no from runs as named where named.project_id = :project_id and named.id = :run_id),
        (select aliases.run_no from aliases where aliases.project_id = :project_id and aliases.id = :run_id)
    )

-- name: runs_changed
select id, agent_id, version, status_version
from runs
where project_id = :project_id and version > :after
order by version
limit :limit

-- name: reported_after
select
    {action_columns},
    runs.id,
    entries.number,
    entries.received_at_us,
    entries.action_number,
    not exists (
        select 1 from entries as earlier where earlier.run_no = entries.run_no and earlier.number < entries.number
    )
from entries
left join aliases on aliases.tape_no = entries.run_no
inner join runs on runs.run_no = coalesce(aliases.run_no, entries.run_no)
left join actions on actions.number = entries.action_number
where entries.number > :after and entries.project_id = :project_id
order by entries.number
limit :limit

-- name: newest_action_before
select max(before.action_number)
from (select entries.action_number from entries where entries.number <= :after order by entries.number desc limit 1000) as before

-- name: newest_version
select coalesce(max(version), 0)
from (
    select max(version) as version from runs
    union all
    select cast(value as bigint) from meta where name = 'forgotten'
) as versions

-- name: newest_deletion
select coalesce((select cast(value as bigint) from meta where name = 'forgotten'), 0)

-- name: silent_runs
select {run_columns}
from runs
where status = 'running' and has_stages = 0 and running = 0 and received_at_us < :before_us
union all
select {run_columns}
from runs
where status = 'running' and has_stages = 0 and running > 0 and received_at_us < :within_call_before_us
order by received_at_us
limit :limit

-- name: runs_left_open
select {run_columns}
from runs
where running > 0 and status in ('completed', 'failed', 'cancelled') and received_at_us < :before_us
order by received_at_us
limit :limit

-- name: open_actions
select {action_columns}
from actions
where run_no = :run_no and outcome is null and ended_at_us is null
order by started_at_us, number

-- name: old_runs
select {run_columns}
from runs
where
    pinned_at_us is null and status in ('completed', 'failed', 'cancelled') and last_event_at_us < :before_us
    and case when :archived = 1 then has_stages = 0 or entry_count > 0 else archived_at_us is null end
order by last_event_at_us
limit :limit

-- name: pinned_runs
select project_id, id from runs where pinned_at_us is not null

-- name: named_blobs
select distinct digest from blobs where digest in each(:digests)

-- name: blob_is_within
select 1 from blobs where digest = :digest and {is_within} limit 1

-- name: actions_of_run
select {action_columns}
from actions
where run_no = :run_no
order by started_at_us, number

-- name: actions_changed
select {action_columns}
from actions
where
    number in (
        select action_number from entries where run_no = :run_no and number > :after_version
        union all
        select number from actions where run_no = :run_no and recounted > :after_version and recounted is not null
    )
order by started_at_us, number

-- name: children_in_run
select {action_columns}
from actions
where run_no = :run_no and parent_id in each(:ids)
order by started_at_us, number

-- name: version_of_run
select version from runs where run_no = :run_no

-- name: action
select {action_columns} from actions where run_no = :run_no and id = :action_id

-- fragment: entry_columns
entries.number, entries.action_number, entries.received_at_us, bodies.facts, bodies.inputs, bodies.inputs_shared,
bodies.outputs, bodies.outputs_shared, bodies.link

-- name: entries_of_run
select {entry_columns}
from entries
left join bodies on bodies.number = entries.number
where entries.run_no = :run_no and entries.number > :after
order by entries.number
limit :limit

-- name: entries_of_action
select {entry_columns}
from entries
left join bodies on bodies.number = entries.number
where entries.action_number = :action_number and entries.run_no = :run_no and entries.number > :after
order by entries.number
limit :limit

-- name: entries_about_run
select {entry_columns}
from entries
left join bodies on bodies.number = entries.number
where entries.run_no = :run_no and entries.action_number is null and entries.number > :after
order by entries.number
limit :limit

-- name: entries_at
select {entry_columns}
from entries
left join bodies on bodies.number = entries.number
where entries.number in each_number(:numbers) and entries.run_no = :run_no

-- name: places_in_tape
select actions.started_at_us, entries.action_number, entries.number
from entries
inner join actions on actions.number = entries.action_number
where entries.run_no = :run_no
order by actions.started_at_us, actions.number, entries.number

-- name: texts_of_run
select text_no, content
from texts
where run_no = :run_no and text_no in each_number(:numbers)

-- name: texts_between
select text_no, content from texts where run_no = :run_no and text_no between :first and :last

-- name: end_of_tape
select (select count(*) from entries where entries.run_no = runs.run_no), text_count, link
from runs
where run_no = :run_no
union all
select (select count(*) from entries where entries.run_no = aliases.tape_no), text_count, link
from aliases
where tape_no = :run_no

-- name: find_in_run
select actions.started_at_us, actions.number, actions.id
from words
cross join entries on entries.number = words.rowid
cross join actions on actions.number = entries.action_number
where words match :words and words.rowid between :first and :last and entries.run_no = :run_no
group by actions.number
order by actions.started_at_us, actions.number
limit :limit

-- name: bounds_of_run
select min(first), max(last)
from (
    select min(number) as first, max(number) as last from entries where run_no = :run_no
    union all
    select min(entries.number), max(entries.number)
    from aliases
    inner join entries on entries.run_no = aliases.tape_no
    where aliases.run_no = :run_no
) as bounds

-- name: note
select value from meta where name = :name

-- name: notes_of_run
select {note_columns}
from notes
where run_no = :run_no
order by at_us desc, id

-- name: note_by_id
select {note_columns}, runs.id
from notes
join runs on runs.run_no = notes.run_no
where notes.id = :id and notes.project_id = :project_id

-- name: replays_of_run
select {replay_columns_in_lists}, runs.id, others.id
from replays
inner join runs on runs.run_no = replays.run_no
left join runs as others on others.run_no = replays.with_run_no
where replays.run_no = :run_no
order by replays.created_at_us desc, replays.id
limit :limit

-- name: replay
select {replay_columns}, runs.id, others.id
from replays
inner join runs on runs.run_no = replays.run_no
left join runs as others on others.run_no = replays.with_run_no
where replays.id = :id and replays.project_id = :project_id

-- name: runs_in_need
select {run_columns}, runs.run_no
from runs
where
    runs.project_id = :project_id
    and (runs.error > 0 or runs.blocked > 0 or runs.rejected > 0 or runs.status = 'failed' or runs.lost > 0)
    and runs.troubles > runs.seen
    and (cast(:agent_id as text) is null or runs.agent_id = :agent_id)
    and (cast(:origin as text) is null or runs.origin = :origin)
    and runs.archived_at_us is null
    and runs.last_event_at_us >= :since_us
order by runs.last_event_at_us desc, runs.run_no desc
limit :limit offset :skip

-- name: runs_in_need_or_acknowledged
select {run_columns}, runs.run_no
from runs
where
    runs.project_id = :project_id
    and (runs.error > 0 or runs.blocked > 0 or runs.rejected > 0 or runs.status = 'failed' or runs.lost > 0)
    and (cast(:agent_id as text) is null or runs.agent_id = :agent_id)
    and (cast(:origin as text) is null or runs.origin = :origin)
    and runs.archived_at_us is null
    and runs.last_event_at_us >= :since_us
order by runs.last_event_at_us desc, runs.run_no desc
limit :limit offset :skip

-- name: has_unrecovered_error
-- The last success of each name is found in one go over the run: looked for at each failure, it reads the run as often.
with recursive calls (number, parent_id, is_failed, started_at_us, good_at_us) as (
    select
        number, parent_id,
        outcome = 'error' and is_call = 1 and error_type is distinct from 'NeverEnded',
        started_at_us, max(case when outcome = 'success' then started_at_us end) over (partition by name)
    from actions
    where run_no = :run_no and outcome in ('error', 'success')
),

above (failed_no, parent_id, is_handled) as (
    select number, parent_id, 0
    from calls
    where is_failed and (good_at_us is null or good_at_us <= started_at_us)
    union
    -- A call that succeeded dealt with what failed in it. A turn, an agent or a step only stands around it.
    select
        above.failed_no, caller.parent_id,
        case when caller.outcome = 'success' and caller.kind in ('model', 'tool', 'call') then 1 else 0 end
    from above
    inner join actions as caller on caller.run_no = :run_no and caller.id = above.parent_id
    where above.is_handled = 0
)
select 1
from above
group by above.failed_no
having max(above.is_handled) = 0
limit 1

-- name: agents
select
    agent_id, min(started_at_us), max(last_event_at_us), count(*), count(*) filter (where status = 'running'),
    count(*) filter (where status = 'completed'), count(*) filter (where status = 'failed'),
    sum(cost / 1000000) || ' ' || sum(cost % 1000000),
    cast(sum(calls) as bigint), cast(sum(success + error + blocked + rejected) as bigint),
    cast(sum(success) as bigint), cast(sum(unpriced) as bigint), cast(sum(estimated) as bigint)
from runs
where
    project_id = :project_id and agent_id > :after
    and (cast(:part as text) is null or agent_id ilike :part)
    and (cast(:agent_id as text) is null or agent_id = :agent_id)
    and (cast(:origin as text) is null or origin = :origin)
group by agent_id
order by agent_id
limit :limit

-- name: stops_of_agent
select cast(coalesce(sum(stopped), 0) as bigint), cast(coalesce(sum(attempts), 0) as bigint)
from agent_hours
where project_id = :project_id and agent_id = :agent_id and hour >= :first and hour < :last

-- name: days_of_agent
select
    started_at_us / 86400000000, count(*), count(*) filter (where status = 'completed'),
    count(*) filter (where status = 'failed'),
    cast(sum(success + error + blocked + rejected) as bigint), cast(sum(success) as bigint),
    sum(cost / 1000000) || ' ' || sum(cost % 1000000),
    cast(sum(unpriced) as bigint), cast(sum(estimated) as bigint),
    count(determinism), cast(coalesce(sum(determinism), 0) as bigint)
from runs
where
    project_id = :project_id and agent_id = :agent_id and started_at_us >= :since_us
    and (cast(:origin as text) is null or origin = :origin)
group by 1
order by 1

-- name: versions_of_agent
select
    code_digest, min(started_at_us), max(started_at_us), count(*), count(determinism),
    cast(coalesce(sum(determinism), 0) as bigint), cast(coalesce(sum(determinism * determinism), 0) as bigint)
from runs
where
    project_id = :project_id and agent_id = :agent_id and code_digest is not null
    and (cast(:origin as text) is null or origin = :origin)
group by code_digest
order by 3 desc
limit :limit

-- name: errors_of_agent
select actions.error_type, count(*), min(actions.started_at_us), max(actions.started_at_us), max(actions.number)
from actions
where
    actions.project_id = :project_id and actions.agent_id = :agent_id and actions.error_type is not null
    and actions.error_type <> 'CancelledError' and actions.error_type not like '%.CancelledError' -- somebody stopped it
    and (cast(:origin as text) is null or actions.is_evaluation = case when :origin = 'evaluation' then 1 else 0 end)
group by actions.error_type
order by 2 desc
limit :limit

-- name: place_of_action
select runs.id, actions.id
from actions
inner join runs on runs.run_no = actions.run_no
where actions.number = :number

-- name: numbers_in_run
select id, number from actions where run_no = :run_no and id in each(:ids)

-- name: tapes_of_run
select tape_no from aliases where run_no = :run_no and tape_no is not null

-- name: bounds_of_tape
select min(number), max(number) from entries where run_no = :run_no

-- name: aliases
select aliases.id, runs.id
from aliases
join runs on runs.run_no = aliases.run_no
where aliases.project_id = :project_id and aliases.id in each(:ids)

-- name: flat_actions
select
    number, id, parent_id, kind, sources, name, started_at_us, ended_at_us, outcome, cost, is_cost_estimated, model,
    input_tokens, output_tokens, response_id, error_type, error_message, is_call, has_cost, has_tokens, duplicate_of
from actions
where run_no = :run_no

-- name: actions_version
select actions_version from runs where run_no = :run_no

-- name: runs_to_total
select project_id, id from runs where totals_version < actions_version limit :limit

-- name: runs_to_score
select project_id, id, determinism_version
from runs
where determinism_version < actions_version and status in ('completed', 'failed', 'cancelled')
order by run_no desc
limit :limit

-- name: accepted_issues
select {issue_columns}
from accepted_issues
where project_id = :project_id and agent_id = :agent_id
order by at_us desc, issue_key

-- name: answered_elsewhere
select actions.response_id
from actions
where
    actions.response_id in each(:answers) and actions.project_id = :project_id
    and actions.kind = 'model' and length(actions.response_id) = 41 and substr(actions.response_id, 1, 9) = 'chatcmpl-'
    and actions.sources = 'endpoint' and actions.run_no <> :run_no

-- name: runs_also_answered
-- Runs in which a call is reported that this run counts: it is theirs when this one is gone.
select distinct runs.id
from actions as own
inner join actions as reported on reported.response_id = own.response_id
inner join runs on runs.run_no = reported.run_no
where
    own.run_no = :run_no and own.sources = 'endpoint' and own.kind = 'model'
    and reported.kind = 'model' and length(reported.response_id) = 41
    and substr(reported.response_id, 1, 9) = 'chatcmpl-'
    and reported.project_id = :project_id and reported.run_no <> :run_no

-- name: nameless_runs
select
    runs.id, runs.has_stages,
    exists (select 1 from actions where actions.run_no = runs.run_no and actions.sources <> 'endpoint'),
    exists (
        select 1
        from actions
        where actions.run_no = runs.run_no and actions.sources <> 'endpoint' and actions.sources not like 'otlp%'
    )
from runs
where runs.project_id = :project_id and runs.id in each(:ids)

-- name: projects
-- One look at an index for each.
with recursive found (project_id) as (
    select min(project_id) from runs
    union all
    select (select min(runs.project_id) from runs where runs.project_id > found.project_id)
    from found
    where found.project_id is not null
)

select project_id from found where project_id is not null

-- name: running_with_stages
with recursive found (project_id) as (
    select min(project_id) from runs
    union all
    select (select min(runs.project_id) from runs where runs.project_id > found.project_id)
    from found
    where found.project_id is not null
)

select runs.project_id, runs.id
from found
cross join runs
where runs.project_id = found.project_id and runs.status = 'running' and runs.has_stages = 1
