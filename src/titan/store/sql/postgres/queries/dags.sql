-- name: dag_of_lease
select {dag_columns} from dags
where
    id = (
        select dag_id from jobs where id = (select job_id from attempts where lease_id = :lease_id)
    )
