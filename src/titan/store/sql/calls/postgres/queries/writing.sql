What the writer of recorded calls says otherwise on PostgreSQL.

-- name: last_numbers
select
    greatest(
        coalesce((select max(version) from runs), 0),
        coalesce((select cast(value as bigint) from meta where name = 'forgotten'), 0)
    ),
    greatest(
        coalesce((select max(number) from actions), 0),
        coalesce((select cast(value as bigint) from meta where name = 'action_floor'), 0)
    ),
    greatest(coalesce((select max(run_no) from runs), 0), coalesce((select max(tape_no) from aliases), 0))

-- name: runs_to_change
select run_no, text_count, link, actions_version, {run_columns}
from runs
where project_id = :project_id and id in (select json_array_elements_text(cast(:ids as json)))

-- name: save_runs
insert into runs
(
    run_no, text_count, link, actions_version, version, status_version, {run_columns}
)
values (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
)
on conflict (project_id, id) do update set
text_count = excluded.text_count, link = excluded.link, actions_version = excluded.actions_version,
version = excluded.version, agent_id = excluded.agent_id,
session_id = excluded.session_id, name = excluded.name, status = excluded.status,
status_source = excluded.status_source, started_at_us = excluded.started_at_us,
last_event_at_us = excluded.last_event_at_us, heard_at_us = excluded.heard_at_us, ended_at_us = excluded.ended_at_us,
reason = excluded.reason, has_stages = excluded.has_stages, running = excluded.running, success = excluded.success,
error = excluded.error, blocked = excluded.blocked, rejected = excluded.rejected, replayed = excluded.replayed,
cost = excluded.cost, prevented = excluded.prevented, saved = excluded.saved, input_tokens = excluded.input_tokens,
output_tokens = excluded.output_tokens, last_outcome = excluded.last_outcome,
last_ended_at_us = excluded.last_ended_at_us, first_error_id = excluded.first_error_id,
first_error = excluded.first_error, first_error_at_us = excluded.first_error_at_us, done = excluded.done,
total = excluded.total, tags = excluded.tags, pinned_at_us = excluded.pinned_at_us,
archived_at_us = excluded.archived_at_us, entry_count = excluded.entry_count,
last_started_at_us = excluded.last_started_at_us, progress_at_us = excluded.progress_at_us,
unpriced = excluded.unpriced, agent_order = excluded.agent_order, details_told = excluded.details_told,
estimated = excluded.estimated,
told_end = excluded.told_end, cost_more = excluded.cost_more, prevented_more = excluded.prevented_more,
saved_more = excluded.saved_more, lost = excluded.lost, troubles = excluded.troubles, determinism = excluded.determinism,
status_version = case when runs.status = excluded.status then runs.status_version else excluded.status_version end

-- name: actions_at
select {action_columns}
from json_array_elements(cast(:places as json)) as place (value)
inner join actions on actions.run_no = cast(place.value ->> 0 as bigint) and actions.id = place.value ->> 1

-- name: actions_answered
select {action_columns}, runs.id
from actions
inner join runs on runs.run_no = actions.run_no
where
    actions.response_id in (select json_array_elements_text(cast(:answers as json))) and actions.project_id = :project_id
    and actions.kind = 'model' and length(actions.response_id) = 41 and substr(actions.response_id, 1, 9) = 'chatcmpl-'
order by actions.number

-- name: add_words
insert into words (number, words) values (?, cast(? as tsvector))

-- name: add_blobs
insert into blobs (digest, run_no, project_id) values (?, ?, ?) on conflict do nothing

-- name: forget_words_of_run
delete from words where number in (select number from entries where run_no = :run_no)

-- name: forget_words
delete from words where number = :number
