-- name: last_stages
select {dag_columns} from dags
where
    id in (
        select
            (select max(stage.id) from dags as stage where stage.project_id = :project_id and stage.run_id = given.id)
        from json_array_elements_text(cast(:ids as json)) as given (id)
    )
