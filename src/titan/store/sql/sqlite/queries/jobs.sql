-- What is asked for by a list of ids, JSON in `:ids`. Fragments: ../../queries/jobs.sql

-- name: jobs_of_ids
select {job_columns} from jobs
where project_id = :project_id and id in (select value from json_each(:ids))

-- name: jobs_with_result
select job_id from results where job_id in (select value from json_each(:ids))
