-- What decisions ask for one after the other, in forms that can be asked together. Fragments: ../../queries/jobs.sql

-- name: job_of_lease
select {job_columns} from jobs where id = (select job_id from attempts where lease_id = :lease_id)

-- name: children_of_lease
select 1 from edges where parent_id = (select job_id from attempts where lease_id = :lease_id) limit 1

-- name: whole_jobs_to_take
select {job_columns} from jobs
where lane = :lane and requirement = :requirement
order by priority desc, ready_at_us, id limit :limit
