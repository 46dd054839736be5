What the writer of recorded calls says otherwise on PostgreSQL.

-- name: actions_at
select {action_columns}
from json_array_elements(cast(:places as json)) as place (value)
inner join actions on actions.run_no = cast(place.value ->> 0 as bigint) and actions.id = place.value ->> 1

-- name: add_words
insert into words (number, words) values (?, cast(? as tsvector))

-- name: forget_words_of_run
delete from words where number in (select number from entries where run_no = :run_no)

-- name: forget_words
delete from words where number = :number
