-- name: first_ready_of_lanes
-- What is sorted are ids, not whole rows.
select {job_columns} from jobs
where id in (
    select id from jobs
    where
        lane in each(:lanes)
        and requirement = :requirement and project_id = :project_id
    order by priority desc, ready_at_us, id limit :limit
)
order by priority desc, ready_at_us, id

-- name: jobs_to_take
select
    id, requirement, priority, ready_at_us, affinity, preferred_worker_id,
    lost_count > 0 or cast(cast(spec as json) ->> 'max_lost' as bigint) = 0
from jobs
where
    lane = :lane and requirement = :requirement
    and not exists (select 1 from attempts where attempts.job_id = jobs.id and attempts.outcome is null)
order by priority desc, ready_at_us, id limit :limit

-- name: job_of_lease
select {job_columns} from jobs where id = (select job_id from attempts where lease_id = :lease_id)

-- name: childless_of_lease
select job_id, worker_id from attempts
where lease_id = :lease_id and not exists (select 1 from edges where edges.parent_id = attempts.job_id)
