Workflows, tasks, registered agents, tool endpoints and agent runs.

-- name: workflow
select {workflow_columns} from workflows where project_id = :project_id and id = :id

-- name: workflows
select {workflow_columns} from workflows where project_id = :project_id order by id

-- name: save_workflow
insert into workflows ({workflow_columns}) values ({workflow_values})
on conflict (project_id, id) do update
set name = excluded.name, definition = excluded.definition, updated_at_us = excluded.updated_at_us

-- name: forget_workflow
delete from workflows where project_id = :project_id and id = :id

-- name: task
select {task_columns} from tasks where project_id = :project_id and workflow_id = :workflow_id and id = :id

-- name: tasks
select {task_columns}
from tasks
where project_id = :project_id and workflow_id = :workflow_id and id > :after
order by id
limit :limit

-- name: save_task
insert into tasks ({task_columns}) values ({task_values})
on conflict (project_id, workflow_id, id) do update
set
    name = excluded.name, seed = excluded.seed, seed_digest = excluded.seed_digest, scorers = excluded.scorers,
    seeded_at_us = excluded.seeded_at_us, state_digest = excluded.state_digest

-- name: forget_task
delete from tasks where project_id = :project_id and workflow_id = :workflow_id and id = :task_id

-- name: has_definition
select 1 from definitions where project_id = :project_id and digest = :digest

-- name: definition
select content from definitions where project_id = :project_id and digest = :digest

-- name: save_definition
insert into definitions (project_id, digest, content) values (:project_id, :digest, :content)

-- name: digests_of_runs
select distinct world_digest, state_digest, seed_digest, scorers_digest
from agent_runs
where project_id = :project_id and workflow_id = :workflow_id and task_id = :task_id

-- name: forget_unnamed_definitions
delete from definitions
where
    project_id = :project_id
    and digest in each(:digests)
    and not exists (
        select 1 from tasks where project_id = :project_id and state_digest = digest
        union all
        select 1 from agent_runs where project_id = :project_id and world_digest = digest
        union all
        select 1 from agent_runs where project_id = :project_id and state_digest = digest
        union all
        select 1 from agent_runs where project_id = :project_id and seed_digest = digest
        union all
        select 1 from agent_runs where project_id = :project_id and scorers_digest = digest
    )

-- name: registered_agent
select {registered_agent_columns}
from registered_agents
where
    project_id = :project_id
    and id = :id
    and version = coalesce(:version, version)
    and (cast(:workflow_id as text) is null or workflow_id is null or workflow_id = :workflow_id)
order by case when cast(:workflow_id as text) is not null and workflow_id is null then 1 else 0 end, version desc
limit 1

-- name: registered_agents
select {registered_agent_columns}
from registered_agents as newest
where
    project_id = :project_id
    and version = (
        select max(other.version)
        from registered_agents as other
        where
            other.project_id = newest.project_id
            and other.id = newest.id
            and coalesce(other.workflow_id, '') = coalesce(newest.workflow_id, '')
    )
order by id, version desc

-- name: forget_agents_of_workflow
delete from registered_agents where project_id = :project_id and workflow_id = :id

-- name: save_registered_agent
insert into registered_agents ({registered_agent_columns}) values ({registered_agent_values})

-- name: tool_endpoint
select {tool_endpoint_columns} from tool_endpoints where project_id = :project_id and id = :id

-- name: tool_endpoints
select {tool_endpoint_columns} from tool_endpoints where project_id = :project_id order by id

-- name: save_tool_endpoint
insert into tool_endpoints ({tool_endpoint_columns}) values ({tool_endpoint_values})
on conflict (project_id, id) do update
set definition = excluded.definition, updated_at_us = excluded.updated_at_us

-- name: forget_tool_endpoint
delete from tool_endpoints where project_id = :project_id and id = :id

-- name: agent_run
select {agent_run_columns} from agent_runs where project_id = :project_id and run_id = :run_id

-- name: agent_runs
select {agent_run_columns}
from agent_runs
where
    project_id = :project_id
    and workflow_id = :workflow_id
    and task_id = coalesce(:task_id, task_id)
    and (
        cast(:before as text) is null
        or (queued_at_us, run_id) < (
            select place.queued_at_us, place.run_id
            from agent_runs as place
            where place.project_id = :project_id and place.run_id = :before
        )
    )
order by queued_at_us desc, run_id desc
limit :limit

-- name: attempts
select coalesce(max(attempt), 0)
from agent_runs
where project_id = :project_id and workflow_id = :workflow_id and task_id = :task_id and field = :field

-- name: unfinished_agent_runs
select {agent_run_columns} from agent_runs where status in ('pending', 'running') order by queued_at_us, run_id

-- name: watched_runs
select run_id, started_at_us, ended_at_us
from agent_runs
where project_id = :project_id and run_id in each(:ids) and started_at_us is not null

-- name: save_agent_run
insert into agent_runs ({agent_run_columns}) values ({agent_run_values})
on conflict (project_id, run_id) do update
set
    status = excluded.status, error_class = excluded.error_class, error = excluded.error,
    started_at_us = excluded.started_at_us, agent_done_at_us = excluded.agent_done_at_us,
    ended_at_us = excluded.ended_at_us, response = excluded.response, final_response = excluded.final_response,
    messages = excluded.messages, metadata = excluded.metadata, soft_warnings = excluded.soft_warnings,
    verdict = excluded.verdict, failure_mode = excluded.failure_mode, scorers = excluded.scorers,
    sources = excluded.sources, violations = excluded.violations, agent_cost = excluded.agent_cost,
    simulator_cost = excluded.simulator_cost

-- name: forget_agent_runs_of_task
delete from agent_runs where project_id = :project_id and workflow_id = :workflow_id and task_id = :task_id

-- name: forget_agent_run
delete from agent_runs where project_id = :project_id and run_id = :run_id
