What is asked of recorded calls otherwise on PostgreSQL.

-- name: newest_version
select
    greatest(
        coalesce((select max(version) from runs), 0),
        coalesce((select cast(value as bigint) from meta where name = 'forgotten'), 0)
    )

-- name: newest_deletion
select coalesce((select cast(value as bigint) from meta where name = 'forgotten'), 0)

-- name: old_runs
select {run_columns}
from runs
where
    pinned_at_us is null and status in ('completed', 'failed', 'cancelled') and last_event_at_us < :before_us
    and case when :archived = 1 then has_stages = 0 or entry_count > 0 else archived_at_us is null end
order by last_event_at_us
limit :limit

-- name: named_blobs
select distinct digest from blobs where digest in (select json_array_elements_text(cast(:digests as json)))

-- name: entries_at
select {entry_columns}
from entries
left join bodies on bodies.number = entries.number
where
    entries.number in (select cast(value as bigint) from json_array_elements_text(cast(:numbers as json)) as number (value))
    and entries.run_no = :run_no

-- name: texts_of_run
select text_no, content
from texts
where
    run_no = :run_no
    and text_no in (select cast(value as bigint) from json_array_elements_text(cast(:numbers as json)) as number (value))

-- name: find_in_run
select actions.started_at_us, actions.number, actions.id
from words
inner join entries on entries.number = words.number
inner join actions on actions.number = entries.action_number
where
    words.words @@ cast(:words as tsquery) and words.number between :first and :last and entries.run_no = :run_no
group by actions.number
order by actions.started_at_us, actions.number
limit :limit

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
group by agent_id
order by agent_id
limit :limit

-- name: days_of_agent
select
    started_at_us / 86400000000, count(*), count(*) filter (where status = 'failed'),
    cast(sum(success + error + blocked + rejected) as bigint), cast(sum(success) as bigint),
    sum(cost / 1000000) || ' ' || sum(cost % 1000000),
    cast(sum(unpriced) as bigint), cast(sum(estimated) as bigint),
    count(determinism), cast(coalesce(sum(determinism), 0) as bigint)
from runs
where project_id = :project_id and agent_id = :agent_id and started_at_us >= :since_us
group by 1
order by 1

-- name: versions_of_agent
select
    code_digest, min(started_at_us), max(started_at_us), count(*), count(determinism),
    cast(coalesce(sum(determinism), 0) as bigint), cast(coalesce(sum(determinism * determinism), 0) as bigint)
from runs
where project_id = :project_id and agent_id = :agent_id and code_digest is not null
group by code_digest
order by 3 desc
limit :limit

-- name: place_of_action
select runs.id, actions.id
from actions
inner join runs on runs.run_no = actions.run_no
where actions.number = :number

-- name: numbers_in_run
select actions.id, actions.number
from json_array_elements_text(cast(:ids as json)) as wanted (value)
inner join actions on actions.run_no = :run_no and actions.id = wanted.value

-- name: children_in_run
select {action_columns}
from actions
where run_no = :run_no and parent_id in (select json_array_elements_text(cast(:ids as json)))
order by started_at_us, number

-- name: aliases
select aliases.id, runs.id
from aliases
inner join runs on aliases.run_no = runs.run_no
where
    aliases.project_id = :project_id
    and aliases.id in (select value from json_array_elements_text(cast(:ids as json)) as id (value))

-- name: answered_elsewhere
select actions.response_id
from actions
where
    actions.response_id in (select json_array_elements_text(cast(:answers as json))) and actions.project_id = :project_id
    and actions.kind = 'model' and length(actions.response_id) = 41 and substr(actions.response_id, 1, 9) = 'chatcmpl-'
    and actions.sources = 'endpoint' and actions.run_no <> :run_no

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
where runs.project_id = :project_id and runs.id in (select json_array_elements_text(cast(:ids as json)))
