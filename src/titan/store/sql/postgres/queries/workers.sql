-- What is asked for by a list of ids, JSON in `:ids`. Fragments: ../../queries/workers.sql

-- name: worker_names
select id, name from workers where id in (select json_array_elements_text(cast(:ids as json)))
