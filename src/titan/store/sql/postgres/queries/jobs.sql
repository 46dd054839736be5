-- What decisions ask for one after the other, in forms that can be asked together. Fragments: ../../queries/jobs.sql

-- name: job_of_lease
select {job_columns} from jobs where id = (select job_id from attempts where lease_id = :lease_id)

-- name: children_of_lease
select 1 from edges where parent_id = (select job_id from attempts where lease_id = :lease_id) limit 1

-- name: whole_jobs_to_take
select {job_columns} from jobs
where
    lane = :lane and requirement = :requirement
    and not exists (select 1 from attempts where attempts.job_id = jobs.id and attempts.outcome is null)
order by priority desc, ready_at_us, id limit :limit

-- name: jobs_of_ids
select {job_columns} from jobs
where project_id = :project_id and id in (select json_array_elements_text(cast(:ids as json)))

-- name: jobs_with_result
select job_id from results where job_id in (select json_array_elements_text(cast(:ids as json)))

-- name: first_ready_of_lanes
-- What is sorted are ids, not whole rows.
select {job_columns} from jobs
where id in (
    select id from jobs
    where
        lane in (select json_array_elements_text(cast(:lanes as json)))
        and requirement = :requirement and project_id = :project_id
    order by priority desc, ready_at_us, id limit :limit
)
order by priority desc, ready_at_us, id
