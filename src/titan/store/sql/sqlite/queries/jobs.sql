-- What is asked for by a list of ids, JSON in `:ids`. Fragments: ../../queries/jobs.sql

-- name: queue_ready
-- Without statistics, here and below, SQLite would take an index that begins with the project, and read every row.
select lane, requirement, count(*), min(ready_at_us) from jobs indexed by jobs_to_take
where lane is not null and project_id = :project_id
group by lane, requirement

-- name: first_ready_of_lanes
-- What is sorted are ids: 100,000 jobs bound to 50 workers took 60 ms.
select {job_columns} from jobs
where id in (
    select id from jobs indexed by jobs_to_take
    where
        lane in each(:lanes) and requirement = :requirement and project_id = :project_id
    order by priority desc, ready_at_us, id limit :limit
)
order by priority desc, ready_at_us, id

-- name: queue_due
select found.is_retry, found.number, jobs.submitted_at_us
from (
    select
        case when failed_count + lost_count > 0 then 1 else 0 end as is_retry, count(*) as number, min(id) as oldest
    from jobs indexed by jobs_due
    where due_at_us is not null and project_id = :project_id and status = 'WAITING'
    group by 1
) as found
inner join jobs on jobs.id = found.oldest

-- name: first_due
select {job_columns} from jobs indexed by jobs_due
where
    due_at_us is not null and project_id = :project_id and status = 'WAITING'
    and case when failed_count + lost_count > 0 then 1 else 0 end = :is_retry
order by due_at_us, id limit :limit

-- name: jobs_to_take
-- What has a live attempt was prefetched by a worker, and is READY until that begins: a few at the head of the queue.
select
    id, requirement, priority, ready_at_us, affinity, preferred_worker_id,
    lost_count > 0 or json_extract(spec, '$.max_lost') = 0
from jobs
where
    lane = :lane and requirement = :requirement
    and not exists (select 1 from attempts where attempts.job_id = jobs.id and attempts.outcome is null)
order by priority desc, ready_at_us, id limit :limit
