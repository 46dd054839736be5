-- name: run_control
select {run_columns} from run_control where project_id = :project_id and id = :run_id

-- name: add_run
insert into run_control ({run_columns}) values ({run_values})

-- name: save_run
update run_control set
    agent_id = :agent_id, started_at_us = :started_at_us, last_activity_at_us = :last_activity_at_us,
    stage_count = :stage_count, job_count = :job_count, live_job_count = :live_job_count, outcome = :outcome,
    ended_at_us = :ended_at_us, reason = :reason, orchestrator = :orchestrator
where project_id = :project_id and id = :id

-- name: quiet_runs
select {run_columns} from run_control
where live_job_count = 0 and last_activity_at_us >= :since_us and last_activity_at_us < :before_us
order by last_activity_at_us, project_id, id limit :limit

-- name: forgettable_runs
select {run_columns} from run_control
where
    live_job_count = 0 and last_activity_at_us < :before_us
    and (last_activity_at_us, project_id, id) > (:after_us, :after_project_id, :after_id)
order by last_activity_at_us, project_id, id limit :limit

-- name: forget_run
delete from run_control where project_id = :project_id and id = :run_id

-- name: runs_of_ids
select {run_columns} from run_control
where project_id = :project_id and id in each(:ids)
