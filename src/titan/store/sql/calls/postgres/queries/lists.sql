Lists of runs and calls: the conditions that read otherwise on PostgreSQL.

-- name: ledger
select {action_columns}, runs.id
from actions
inner join runs on runs.run_no = actions.run_no
where actions.project_id = :project_id and actions.kind in ('model', 'tool', 'call') and actions.is_call = 1

-- name: ledger_found
select actions.number, count(*) over () as total
from actions
where actions.project_id = :project_id and actions.kind in ('model', 'tool', 'call') and actions.is_call = 1

-- name: interventions
select {action_columns}, runs.id
from actions
inner join runs on runs.run_no = actions.run_no
where actions.project_id = :project_id and actions.kind = 'event' and actions.sources = 'sentinel'

-- name: runs_with_tag
:tag in (select json_array_elements_text(cast(runs.tags as json)))

-- name: runs_with_part
(
    runs.id ilike :part or runs.agent_id ilike :part or runs.name ilike :part
    or (
        runs.tags ilike :tags_part
        and exists (
            select 1 from json_array_elements_text(cast(runs.tags as json)) as tags (tag) where tags.tag ilike :part
        )
    )
    or runs.run_no in (
        select coalesce(aliases.run_no, entries.run_no)
        from hit
        inner join entries on entries.number = hit.number
        left join aliases on aliases.tape_no = entries.run_no
    )
    or runs.run_no in (select named.run_no from aliases as named where named.project_id = :project_id and named.id = :text)
)

-- name: hits
select words.number from words where words.words @@ cast(:words as tsquery) order by words.number desc limit :hits

-- name: hits_in_run
select words.number from words where words.words @@ cast(:words as tsquery) and words.number between :first and :last

-- name: calls_of_hits
actions.number = any(array(select entries.action_number from hit inner join entries on entries.number = hit.number))
