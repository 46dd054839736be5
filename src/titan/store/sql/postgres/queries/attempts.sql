-- What is asked for by a list of ids, JSON in `:ids`. Fragments: ../../queries/attempts.sql

-- name: attempts_of_jobs
select {attempt_columns} from attempts
where job_id in (select json_array_elements_text(cast(:ids as json)))
order by job_id, ordinal
