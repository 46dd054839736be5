-- What is asked for by a list of ids, JSON in `:ids`. Fragments: ../../queries/dags.sql

-- name: last_stages
select {dag_columns} from dags
where
    id in (
        select
            (select max(stage.id) from dags as stage where stage.project_id = :project_id and stage.run_id = given.value)
        from json_each(:ids) as given
    )
