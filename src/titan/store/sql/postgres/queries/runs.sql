-- name: run_of_lease
select {run_columns} from run_control
where
    (project_id, id) = (
        select project_id, run_id from jobs where id = (select job_id from attempts where lease_id = :lease_id)
    )
