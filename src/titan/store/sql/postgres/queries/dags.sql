-- name: dag_of_lease
select {dag_columns} from dags
where
    id = (
        select dag_id from jobs where id = (select job_id from attempts where lease_id = :lease_id)
    )

-- name: dags_of_ids
select {dag_columns} from dags
where project_id = :project_id and id in (select json_array_elements_text(cast(:ids as json)))

-- name: dag_names
select id, name from dags where id in (select json_array_elements_text(cast(:ids as json)))

-- name: last_stages
select {dag_columns} from dags
where
    id in (
        select
            (select max(stage.id) from dags as stage where stage.project_id = :project_id and stage.run_id = given.id)
        from json_array_elements_text(cast(:ids as json)) as given (id)
    )

-- name: stages_of_runs
select {dag_columns} from dags
where project_id = :project_id and run_id in (select json_array_elements_text(cast(:ids as json)))
order by id
