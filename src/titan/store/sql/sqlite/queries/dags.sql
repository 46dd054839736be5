-- What is asked for by a list of ids, JSON in `:ids`. Fragments: ../../queries/dags.sql

-- name: dags_of_ids
select {dag_columns} from dags
where project_id = :project_id and id in (select value from json_each(:ids))

-- name: dag_names
select id, name from dags where id in (select value from json_each(:ids))

-- name: last_stages
select {dag_columns} from dags
where
    id in (
        select
            (select max(stage.id) from dags as stage where stage.project_id = :project_id and stage.run_id = given.value)
        from json_each(:ids) as given
    )

-- name: stages_of_runs
select {dag_columns} from dags
where project_id = :project_id and run_id in (select value from json_each(:ids))
order by id
