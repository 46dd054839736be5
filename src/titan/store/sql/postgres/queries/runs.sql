-- name: run_of_lease
select {run_columns} from run_control
where
    (project_id, id) = (
        select project_id, run_id from jobs where id = (select job_id from attempts where lease_id = :lease_id)
    )

-- name: runs_of_ids
select {run_columns} from run_control
where project_id = :project_id and id in (select json_array_elements_text(cast(:ids as json)))
