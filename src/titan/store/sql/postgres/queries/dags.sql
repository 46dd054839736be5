-- name: last_stages
select {dag_columns} from dags
where
    id in (
        select
            (select max(stage.id) from dags as stage where stage.project_id = :project_id and stage.run_id = given.id)
        from json_array_elements_text(cast(:ids as json)) as given (id)
    )

-- name: dag_of_lease
select {dag_columns} from dags
where id = (select dag_id from jobs where id = (select job_id from attempts where lease_id = :lease_id))
