-- What is asked for by a list of ids, JSON in `:ids`. Fragments: ../../queries/runs.sql

-- name: runs_of_ids
select {run_columns} from run_control
where project_id = :project_id and id in (select value from json_each(:ids))
