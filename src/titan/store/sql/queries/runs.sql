-- fragment: run_columns
project_id, id, agent_id, started_at_us, last_activity_at_us, stage_count, job_count, live_job_count, outcome,
ended_at_us, reason, orchestrator

-- name: run
select {run_columns} from runs where project_id = :project_id and id = :run_id

-- name: newest_runs
select {run_columns} from runs
where project_id = :project_id
order by started_at_us desc, id desc limit :limit

-- name: add_run
insert into runs ({run_columns}) values (
    :project_id, :id, :agent_id, :started_at_us, :last_activity_at_us, :stage_count, :job_count, :live_job_count,
    :outcome, :ended_at_us, :reason, :orchestrator
)

-- name: save_run
update runs set
    agent_id = :agent_id, started_at_us = :started_at_us, last_activity_at_us = :last_activity_at_us,
    stage_count = :stage_count, job_count = :job_count, live_job_count = :live_job_count, outcome = :outcome,
    ended_at_us = :ended_at_us, reason = :reason, orchestrator = :orchestrator
where project_id = :project_id and id = :id
