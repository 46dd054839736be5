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
where
    project_id = :project_id and id < :before
    and not exists (select 1 from dags where dags.id = jobs.dag_id and dags.is_internal = 1)
order by id desc limit :limit

-- name: newest_jobs_with_status
select {job_columns} from jobs
where
    project_id = :project_id and status = :status and id < :before
    and not exists (select 1 from dags where dags.id = jobs.dag_id and dags.is_internal = 1)
order by id desc limit :limit

-- name: newest_jobs_of_dag
select {job_columns} from jobs
where
    dag_id in (
        select id from dags
        where id = :dag_id and project_id = :project_id and (cast(:run_id as text) is null or run_id = :run_id)
    )
    and status = coalesce(:status, status) and id < :before
order by id desc limit :limit

-- name: newest_jobs_of_run
select {job_columns} from jobs
where
    dag_id in (select id from dags where project_id = :project_id and run_id = :run_id)
    and status = coalesce(:status, status) and id < :before
order by id desc limit :limit

-- name: newest_jobs_of_worker
select {job_columns}
from (
    select job_id, leased_at_us from attempts
    where
        worker_id = :worker_id and project_id = :project_id and (leased_at_us, job_id) < (:before_us, :before)
        and not exists (
            select 1 from attempts as later
            where
                later.job_id = attempts.job_id and later.worker_id = attempts.worker_id
                and later.ordinal > attempts.ordinal
        )
    order by leased_at_us desc, job_id desc limit :limit
) as found
inner join jobs on jobs.id = found.job_id
order by found.leased_at_us desc, found.job_id desc

-- name: jobs_of_dag
select {job_columns} from jobs where dag_id = :dag_id order by id

-- name: children
select {job_columns} from jobs
where id in (select child_id from edges where parent_id = :job_id)
order by id

-- name: edges_of_dag
select parent_id, child_id from edges
where parent_id > cast(:dag_id as text) || '.' and parent_id < cast(:dag_id as text) || '/'
union
select parent_id, child_id from edges
where child_id > cast(:dag_id as text) || '.' and child_id < cast(:dag_id as text) || '/'

-- name: newest_gates
select {job_columns} from jobs
where project_id = :project_id and kind = 'gate' and (cast(:run_id as text) is null or run_id = :run_id)
order by id desc limit :limit

-- name: newest_open_gates
select {job_columns} from jobs
where
    project_id = :project_id and status = 'WAITING_APPROVAL'
    and (cast(:run_id as text) is null or run_id = :run_id)
order by id desc limit :limit

-- name: open_gates_called
select {job_columns} from jobs
where project_id = :project_id and name = :name and status = 'WAITING_APPROVAL'
order by id

-- name: active_with_key
select count(*) from jobs
where project_id = :project_id and concurrency_key = :key and status in ('READY', 'RUNNING')

-- name: first_held
select {job_columns} from jobs
where
    project_id = :project_id and concurrency_key = :key and status = 'WAITING' and remaining_parents = 0
    and due_at_us is null
order by priority desc, id limit :limit

-- name: first_ready
select {job_columns} from jobs
where lane = :lane and requirement = :requirement and project_id = :project_id
order by priority desc, ready_at_us, id limit :limit

-- name: first_due
select {job_columns} from jobs
where
    due_at_us is not null and project_id = :project_id and status = 'WAITING'
    and case when failed_count + lost_count > 0 then 1 else 0 end = :is_retry
order by due_at_us, id limit :limit

-- name: first_open_gates
select {job_columns} from jobs
where project_id = :project_id and status = 'WAITING_APPROVAL'
order by ready_at_us, id limit :limit

-- name: first_with_parents
select {job_columns} from jobs
where project_id = :project_id and status = 'WAITING' and remaining_parents > 0
order by id limit :limit

-- name: queue_ready
select lane, requirement, count(*), min(ready_at_us) from jobs
where lane is not null and project_id = :project_id
group by lane, requirement

-- name: queue_held
select found.concurrency_key, found.number, jobs.submitted_at_us
from (
    select concurrency_key, count(*) as number, min(id) as oldest from jobs
    where
        project_id = :project_id and concurrency_key is not null and status = 'WAITING' and remaining_parents = 0
        and due_at_us is null
    group by concurrency_key
) as found
inner join jobs on jobs.id = found.oldest

-- name: queue_due
select found.is_retry, found.number, jobs.submitted_at_us
from (
    select
        case when failed_count + lost_count > 0 then 1 else 0 end as is_retry, count(*) as number, min(id) as oldest
    from jobs
    where due_at_us is not null and project_id = :project_id and status = 'WAITING'
    group by 1
) as found
inner join jobs on jobs.id = found.oldest

-- name: queue_counts
select status, count(*) from jobs
where project_id = :project_id and status in ('WAITING', 'WAITING_APPROVAL')
group by status

-- name: due_jobs
select {job_columns} from jobs
where due_at_us <= :now_us
order by due_at_us, id limit :limit

-- name: jobs_due_after
select {job_columns} from jobs
where due_at_us is not null and (due_at_us, id) > (:due_at_us, :job_id)
order by due_at_us, id limit :limit

-- name: next_wakeup
select min(at_us) from (
    select min(due_at_us) as at_us from jobs where due_at_us is not null
    union all
    select min(expires_at_us) from attempts where outcome is null
) as moments

-- name: add_job
insert into jobs (
    {job_columns}, name, kind, requirement, priority, affinity, concurrency_key
) values (
    {job_values}, :name, :kind, :requirement, :priority, :affinity, :concurrency_key
)

-- name: add_edge
insert into edges (project_id, parent_id, child_id) values (:project_id, :parent_id, :child_id)

-- name: save_job
update jobs set
    status = :status, remaining_parents = :remaining_parents, ready_at_us = :ready_at_us, due_at_us = :due_at_us,
    started_at_us = :started_at_us, ended_at_us = :ended_at_us, reason = :reason,
    is_cancel_requested = :is_cancel_requested, attempt_count = :attempt_count, failed_count = :failed_count,
    lost_count = :lost_count, preferred_worker_id = :preferred_worker_id, decision = :decision
where id = :id

-- name: count_down_children
update jobs set
    remaining_parents = remaining_parents - 1,
    preferred_worker_id = coalesce(preferred_worker_id, :worker_id)
where
    status = 'WAITING' and remaining_parents > 0
    and id in (select child_id from edges where parent_id = :parent_id)
returning {job_columns}

-- name: result
select value from results where job_id = :job_id

-- name: put_result
insert into results (job_id, project_id, value, set_at_us) values (:job_id, :project_id, :value, :now_us)
on conflict (job_id) do update set value = excluded.value, set_at_us = excluded.set_at_us

-- name: clear_result
delete from results where job_id = :job_id

-- name: first_jobs_of_dag
select id from jobs where dag_id = :dag_id limit :limit

-- name: specs
select id, spec from jobs where id > :after_id order by id limit :limit

-- name: next_label
select min(requirement) from jobs where lane = '*' and requirement > :after

-- name: count_unfinished_jobs
select status, count(*) from jobs
where project_id = :project_id and status in ('WAITING', 'WAITING_APPROVAL', 'READY', 'RUNNING')
group by status

-- name: forget_edges_from
delete from edges where parent_id = :job_id

-- name: forget_edges_to
delete from edges where child_id = :job_id

-- name: forget_job
delete from jobs where id = :job_id

-- name: jobs_of_ids
select {job_columns} from jobs
where project_id = :project_id and id in each(:ids)

-- name: jobs_with_result
select job_id from results where job_id in each(:ids)
