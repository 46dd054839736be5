What is asked of recorded calls otherwise on PostgreSQL.

-- name: find_in_run
select actions.started_at_us, actions.number, actions.id
from words
inner join entries on entries.number = words.number
inner join actions on actions.number = entries.action_number
where
    words.words @@ cast(:words as tsquery) and words.number between :first and :last and entries.run_no = :run_no
group by actions.number
order by actions.started_at_us, actions.number
limit :limit
