Lists of runs and calls: the conditions that read otherwise on PostgreSQL.

-- name: ledger
select {action_columns}, runs.id
from actions
inner join runs on runs.run_no = actions.run_no
where actions.project_id = :project_id and actions.kind in ('model', 'tool', 'call')

-- name: ledger_found
select {action_columns}, runs.id
from actions
inner join runs on runs.run_no = actions.run_no
where actions.project_id = :project_id and actions.kind in ('model', 'tool', 'call')

-- name: ledger_count_found
select 1 from actions where actions.project_id = :project_id and actions.kind in ('model', 'tool', 'call')

-- name: interventions
select {action_columns}, runs.id
from actions
inner join runs on runs.run_no = actions.run_no
where actions.project_id = :project_id and actions.kind = 'event' and (actions.heard & 192) <> 0

-- name: calls_with_outcomes
actions.outcome in (select json_array_elements_text(cast(:outcomes as json)))

-- name: calls_of_kinds
actions.kind in (select json_array_elements_text(cast(:kinds as json)))

-- name: runs_with_status
runs.status in (select json_array_elements_text(cast(:statuses as json)))

-- name: runs_with_part
(
    runs.id ilike :part or runs.agent_id ilike :part or runs.name ilike :part or runs.tags ilike :part
    or runs.run_no in (
        select entries.run_no
        from (
            select words.number
            from words
            where words.words @@ cast(:words as tsquery)
            order by words.number desc
            limit :hits
        ) as hit
        inner join entries on entries.number = hit.number
    )
)

-- name: calls_with_words
actions.number in (
    select entries.action_number
    from (
        select words.number
        from words
        where words.words @@ cast(:words as tsquery)
        order by words.number desc
        limit :hits
    ) as hit
    inner join entries on entries.number = hit.number
)

-- name: calls_with_words_in_run
actions.number in (
    select entries.action_number
    from words
    inner join entries on entries.number = words.number
    where
        words.words @@ cast(:words as tsquery) and words.number between :first and :last and entries.run_no = :run_no
)

-- name: count_hits
select count(*)
from (select words.number from words where words.words @@ cast(:words as tsquery) limit :hits) as hit
