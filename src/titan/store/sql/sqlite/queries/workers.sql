-- What is asked for by a list of ids, JSON in `:ids`. Fragments: ../../queries/workers.sql

-- name: worker_names
select id, name from workers where id in (select value from json_each(:ids))
