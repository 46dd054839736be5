Lists of runs and calls. A list is put together from a head, the conditions that are asked for, and an order.

-- name: registry
select {run_columns}, runs.determinism_order, runs.run_no, runs.duration_us, runs.calls, runs.success_rate
from runs
 where runs.project_id = :project_id

-- name: registry_count
select 1 from runs where runs.project_id = :project_id

-- name: runs_with_status
runs.status in each(:statuses)

-- name: runs_with_one_status
runs.status = :status

-- name: runs_that_cost
runs.cost >= :min_cost

-- name: runs_that_cost_besides
+runs.cost >= :min_cost

-- name: runs_below_score
runs.determinism < :below_score

-- name: runs_started_since
(runs.started_at_us >= :since_us or runs.status = 'running')
and runs.started_at_us >= (
    select coalesce(min(going.started_at_us), :since_us)
    from runs as going
    where going.project_id = :project_id and going.status = 'running' and going.started_at_us < :since_us
)

-- name: runs_of_origin
runs.origin = :origin

-- name: runs_of_agent
runs.agent_id = :agent_id

-- name: runs_of_session
runs.session_id = :session_id

-- name: runs_forked_from
runs.parent_run_id = :parent_run_id

-- name: runs_with_tag
exists (select 1 from json_each(runs.tags) as run_tags where run_tags.value = :tag)

-- name: runs_with_stages
runs.has_stages = 1

-- name: runs_of_ids
runs.id in each(:ids)

-- name: runs_not_archived
runs.archived_at_us is null

-- name: runs_with_part
(
    runs.id like :part escape '\' or runs.agent_id like :part escape '\' or runs.name like :part escape '\'
    -- The text of all tags first: of the few that hold it somewhere, each tag is looked at.
    or (
        runs.tags like :tags_part escape '\'
        and exists (select 1 from json_each(runs.tags) as run_tags where run_tags.value like :part escape '\')
    )
    or runs.run_no in (
        select coalesce(aliases.run_no, entries.run_no)
        from hit
        cross join entries on entries.number = hit.number
        left join aliases on aliases.tape_no = entries.run_no
    )
    or runs.run_no in (select named.run_no from aliases as named where named.project_id = :project_id and named.id = :text)
)

-- name: ledger
select {action_columns}, runs.id
from actions
cross join runs on runs.run_no = actions.run_no
where actions.project_id = :project_id and actions.kind in ('model', 'tool', 'call') and actions.is_call = 1

-- name: ledger_found
select actions.number, count(*) over () as total
from actions not indexed
where actions.project_id = :project_id and actions.kind in ('model', 'tool', 'call') and actions.is_call = 1

-- name: ledger_page
select {action_columns}, runs.id, page.total, seen.hits
from (select count(*) as hits from hit) as seen
left join page on true
left join actions on actions.number = page.number
left join runs on runs.run_no = actions.run_no

-- name: ledger_count
select 1 from actions where actions.project_id = :project_id and actions.kind in ('model', 'tool', 'call') and actions.is_call = 1

-- name: ledger_sums
select
    -- What ended without an outcome is no call of any, and cost something as what failed did.
    coalesce(actions.outcome, case when actions.ended_at_us is not null then 'error' end),
    sum(case when actions.outcome is null and actions.ended_at_us is not null then 0 else actions.is_call end),
    -- Millions and the rest: SQLite's sum of integers fails beyond 64 bits, and its product goes on as a float.
    sum(actions.has_cost * (actions.cost / 1000000)) || ' ' || sum(actions.has_cost * (actions.cost % 1000000)),
    sum(
        case
            when actions.cost is not null or actions.has_cost = 0 then 0
            when actions.kind = 'tool' or (actions.kind = 'call' and actions.model is null) then 0
            else 1
        end
    ),
    sum(case when actions.is_cost_estimated = 1 and actions.cost > 0 then actions.has_cost else 0 end),
    sum(actions.has_tokens * (actions.input_tokens / 1000000)) || ' '
    || sum(actions.has_tokens * (actions.input_tokens % 1000000)),
    sum(actions.has_tokens * (actions.output_tokens / 1000000)) || ' '
    || sum(actions.has_tokens * (actions.output_tokens % 1000000))
from actions
where actions.project_id = :project_id

-- name: calls_alone
actions.kind in ('model', 'tool', 'call')

-- name: frames_that_count
actions.kind not in ('model', 'tool', 'call') and (actions.has_cost = 1 or actions.has_tokens = 1)

-- name: interventions
select {action_columns}, runs.id
from actions
cross join runs on runs.run_no = actions.run_no
where actions.project_id = :project_id and actions.kind = 'event' and actions.sources = 'sentinel'

-- name: interventions_by_type
select actions.name, count(*)
from actions
where actions.project_id = :project_id and actions.kind = 'event' and actions.sources = 'sentinel'

-- name: calls_with_outcomes
actions.outcome in each(:outcomes)

-- name: calls_of_kinds
actions.kind in each(:kinds)

-- name: calls_with_outcome
actions.outcome = :outcome

-- name: calls_without_success
actions.outcome is distinct from 'success'

-- name: calls_running
actions.outcome is null and actions.ended_at_us is null

-- name: calls_named
actions.name = :name

-- name: calls_of_kind
actions.kind = :kind

-- name: calls_of_origin
actions.is_evaluation = :is_evaluation

-- name: calls_of_agent
actions.agent_id = :agent_id

-- name: calls_of_run
actions.run_no = :run_no

-- name: calls_that_cost
actions.cost >= :min_cost

-- name: calls_that_cost_much
actions.cost >= 5000000000

-- name: calls_that_took_long
actions.duration_ns >= 3000000000

-- name: calls_up_to_cost
actions.cost <= :max_cost

-- name: calls_since
actions.started_at_us >= :since_us

-- name: calls_behind
(actions.started_at_us, actions.number) > (:after_us, :after_number)

-- name: calls_until
actions.started_at_us < :until_us

-- name: hits
select words.rowid as number from words where words match :words order by words.rowid desc limit :hits

-- name: hits_in_run
select words.rowid as number from words where words match :words and words.rowid between :first and :last

-- name: calls_of_hits
actions.number in (select entries.action_number from hit cross join entries on entries.number = hit.number)

-- name: count_hits
select count(*) from hit
