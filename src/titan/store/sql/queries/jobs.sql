-- fragment: job_columns
project_id, id, dag_id, run_id, spec, status, submitted_at_us, remaining_parents, ready_at_us, due_at_us,
started_at_us, ended_at_us, reason, is_cancel_requested, attempt_count, failed_count, lost_count,
preferred_worker_id

-- name: job
select {job_columns} from jobs where id = :job_id

-- name: newest_job
select {job_columns} from jobs
where project_id = :project_id and name = :name
order by id desc limit 1

-- name: newest_job_of_dag
select {job_columns} from jobs
where dag_id = :dag_id and name = :name and project_id = :project_id

-- name: newest_job_of_run
select {job_columns} from jobs
where name = :name and dag_id in (select id from dags where project_id = :project_id and run_id = :run_id)
order by id desc limit 1

-- name: newest_jobs
select {job_columns} from jobs
where project_id = :project_id
order by id desc limit :limit

-- name: newest_jobs_with_status
select {job_columns} from jobs
where project_id = :project_id and status = :status
order by id desc limit :limit

-- name: newest_jobs_of_dag
select {job_columns} from jobs
where
    dag_id in (
        select id from dags
        where id = :dag_id and project_id = :project_id and (cast(:run_id as text) is null or run_id = :run_id)
    )
    and status = coalesce(:status, status)
order by id desc limit :limit

-- name: newest_jobs_of_run
select {job_columns} from jobs
where
    dag_id in (select id from dags where project_id = :project_id and run_id = :run_id)
    and status = coalesce(:status, status)
order by id desc limit :limit

-- name: jobs_of_dag
select {job_columns} from jobs where dag_id = :dag_id order by id

-- name: children
select {job_columns} from jobs
where id in (select child_id from edges where parent_id = :job_id)
order by id

-- name: jobs_to_take
select id, requirement, priority, ready_at_us, affinity, preferred_worker_id from jobs
where lane = :lane and requirement = :requirement
order by priority desc, ready_at_us, id limit :limit

-- name: due_jobs
select {job_columns} from jobs
where status = 'WAITING' and due_at_us <= :now_us
order by due_at_us, id limit :limit

-- name: next_wakeup
select min(at_us) from (
    select min(due_at_us) as at_us from jobs where status = 'WAITING' and due_at_us is not null
    union all
    select min(expires_at_us) from attempts where outcome is null
) as moments

-- name: add_job
insert into jobs (
    {job_columns}, name, requirement, priority, affinity
) values (
    :project_id, :id, :dag_id, :run_id, :spec, :status, :submitted_at_us, :remaining_parents, :ready_at_us, :due_at_us,
    :started_at_us, :ended_at_us, :reason, :is_cancel_requested, :attempt_count, :failed_count, :lost_count,
    :preferred_worker_id, :name, :requirement, :priority, :affinity
)

-- name: add_edge
insert into edges (project_id, parent_id, child_id) values (:project_id, :parent_id, :child_id)

-- name: save_job
update jobs set
    status = :status, remaining_parents = :remaining_parents, ready_at_us = :ready_at_us, due_at_us = :due_at_us,
    started_at_us = :started_at_us, ended_at_us = :ended_at_us, reason = :reason,
    is_cancel_requested = :is_cancel_requested, attempt_count = :attempt_count, failed_count = :failed_count,
    lost_count = :lost_count, preferred_worker_id = :preferred_worker_id
where id = :id

-- name: count_down_children
update jobs set
    remaining_parents = remaining_parents - 1,
    preferred_worker_id = coalesce(preferred_worker_id, :worker_id)
where
    status = 'WAITING' and remaining_parents > 0
    and id in (select child_id from edges where parent_id = :parent_id)
returning {job_columns}

-- name: first_jobs_of_dag
select id from jobs where dag_id = :dag_id limit :limit

-- name: specs
select id, spec from jobs where id > :after_id order by id limit :limit

-- name: next_label
select min(requirement) from jobs where lane = '*' and requirement > :after

-- name: count_unfinished_jobs
select status, count(*) from jobs
where project_id = :project_id and status in ('WAITING', 'READY', 'RUNNING')
group by status

-- name: forget_edges_from
delete from edges where parent_id = :job_id

-- name: forget_edges_to
delete from edges where child_id = :job_id

-- name: forget_job
delete from jobs where id = :job_id
