What the writer of calls.db says. A query that ends in one row of places is given many rows at once.

-- name: last_numbers
select
    (
        select coalesce(max(number), 0)
        from (
            select max(version) as number from runs
            union all
            select cast(value as bigint) from meta where name = 'forgotten'
        ) as versions
    ),
    (
        select coalesce(max(number), 0)
        from (
            select max(number) as number from actions
            union all
            select cast(value as bigint) from meta where name = 'action_floor'
        ) as numbers
    ),
    (
        select coalesce(max(number), 0)
        from (
            select max(run_no) as number from runs
            union all
            select max(tape_no) from aliases
        ) as places
    )

-- name: runs_to_change
select run_no, text_count, link, actions_version, {run_columns}
from runs
where project_id = :project_id and id in each(:ids)

-- name: save_runs
insert into runs
(
    run_no, text_count, link, actions_version, version, status_version, {run_fields}
)
values (?, ?, ?, ?, ?, ?, {run_places})
on conflict (project_id, id) do update set
text_count = excluded.text_count, link = excluded.link, actions_version = excluded.actions_version,
version = excluded.version, {run_updates},
status_version = case when runs.status = excluded.status then runs.status_version else excluded.status_version end,
is_packed = case when runs.entry_count = excluded.entry_count then runs.is_packed else 0 end

-- name: relabel_actions
update actions set agent_id = :agent_id, is_evaluation = :is_evaluation
where run_no = :run_no and (agent_id <> :agent_id or is_evaluation <> :is_evaluation)

-- name: actions_at
select {action_columns}
from json_each(:places) as place
cross join actions on actions.run_no = place.value ->> 0 and actions.id = place.value ->> 1

-- name: actions_answered
select {action_columns}, runs.id
from actions
inner join runs on runs.run_no = actions.run_no
where
    actions.response_id in each(:answers) and actions.project_id = :project_id
    and actions.kind = 'model' and length(actions.response_id) = 41 and substr(actions.response_id, 1, 9) = 'chatcmpl-'
order by actions.number

-- name: save_actions
insert into actions ({action_fields}, run_no, version, recounted, is_evaluation)
values ({action_places}, ?, ?, ?, ?)
on conflict (number) do update set
{action_updates}, version = excluded.version, recounted = coalesce(excluded.recounted, actions.recounted),
is_evaluation = excluded.is_evaluation

-- name: recount
update actions
set is_call = :is_call, has_cost = :has_cost, has_tokens = :has_tokens, duplicate_of = :duplicate_of, recounted = :version
where number = :number

-- name: note_totals
update runs set totals_version = :version where run_no = :run_no

-- name: note_determinism
update runs set determinism_version = :version where run_no = :run_no and determinism_version = :stamp

-- name: score_again
update runs set determinism_version = case when determinism_version < 0 then determinism_version - 1 else -1 end where run_no = :run_no

-- name: predict_again
update runs
set determinism_version = case when determinism_version < 0 then determinism_version - 1 else -1 end
where
    run_no in (
        select recent.run_no
        from runs as recent
        where recent.project_id = :project_id and recent.agent_id = :agent_id
        order by recent.started_at_us desc, recent.run_no desc
        limit :limit
    )

-- name: accept_issue
insert into accepted_issues ({issue_columns})
values ({issue_values})
on conflict (project_id, agent_id, issue_key) do update
set author = excluded.author, reason = excluded.reason, at_us = excluded.at_us

-- name: withdraw_acceptance
delete from accepted_issues
where project_id = :project_id and agent_id = :agent_id and issue_key = :issue_key

-- name: note_actions_changed
update runs set actions_version = :version where run_no = :run_no

-- name: add_entries
insert into entries (number, project_id, run_no, action_number, received_at_us) values (?, ?, ?, ?, ?)

-- name: add_bodies
insert into bodies (number, project_id, facts, inputs, inputs_shared, outputs, outputs_shared, link)
values (?, ?, ?, ?, ?, ?, ?, ?)

-- name: add_words
insert into words (rowid, text) values (?, ?)

-- name: digests_of_run
select digest, text_no from texts where run_no = :run_no

-- name: add_texts
insert into texts (project_id, run_no, text_no, digest, content) values (?, ?, ?, ?, ?)

-- name: add_blobs
insert into blobs (digest, run_no, project_id) values (?, ?, ?) on conflict do nothing

-- name: set_meta
insert into meta (name, value) values (:name, :value)
on conflict (name) do update set value = excluded.value

-- name: drop_meta
delete from meta where name = :name

-- name: merge_words
insert into words (words, rank) values ('merge', :pages)

-- name: forget_words_of_run
delete from words where rowid in (select number from entries where run_no = :run_no)

-- name: forget_words
delete from words where rowid = :number

-- name: forget_bodies_of_run
delete from bodies where number in (select number from entries where run_no = :run_no)

-- name: forget_entries_of_run
delete from entries where run_no = :run_no

-- name: forget_actions_of_run
delete from actions where run_no = :run_no

-- name: forget_texts_of_run
delete from texts where run_no = :run_no

-- name: forget_packs_of_run
delete from packs where run_no = :run_no

-- name: forget_blobs_of_run
delete from blobs where run_no = :run_no

-- name: forget_notes_of_run
delete from notes where run_no = :run_no

-- name: forget_replays_of_run
delete from replays where run_no = :run_no or with_run_no = :run_no

-- name: forget_note
delete from notes where id = :id and project_id = :project_id

-- name: forget_run
delete from runs where run_no = :run_no

-- name: blobs_of_run
select digest from blobs where run_no = :run_no

-- name: save_notes
insert into notes ({note_fields}, run_no)
values ({note_places}, ?)
on conflict (project_id, id) do update set {note_updates}, run_no = excluded.run_no

-- name: save_replays
insert into replays ({replay_fields}, run_no, with_run_no)
values ({replay_places}, ?, ?)
on conflict (project_id, id) do update
set
    state = excluded.state, ended_at_us = excluded.ended_at_us, error = excluded.error, metrics = excluded.metrics,
    result = excluded.result

-- name: note_seen
-- A note that mutes has seen whatever comes.
update runs
set
    seen = (
        select coalesce(max(case when mutes = 1 then 9223372036854775807 else troubles end), 0)
        from notes
        where run_no = :run_no and (acknowledges = 1 or mutes = 1)
    )
where run_no = :run_no

-- name: add_to_hours
insert into agent_hours (project_id, agent_id, hour, stopped, attempts)
values (?, ?, ?, ?, ?)
on conflict (project_id, agent_id, hour) do update
set
    stopped = agent_hours.stopped + excluded.stopped, attempts = agent_hours.attempts + excluded.attempts

-- name: forget_empty_hour
delete from agent_hours
where project_id = :project_id and agent_id = :agent_id and hour = :hour and attempts = 0

-- name: open_calls
select number from actions where run_no = :run_no and outcome is null and ended_at_us is null and kind in ('model', 'tool', 'call')

-- name: forget_aliases_of_run
delete from aliases where run_no = :run_no

-- name: save_alias
insert into aliases (project_id, id, run_no, tape_no, text_count, link) values (?, ?, ?, ?, ?, ?)

-- name: redirect_aliases
update aliases set run_no = :run_no where run_no = :tape_no

-- name: join_entries
-- An action of which reports came under both names is one: the row under the run's own name stays.
update entries
set action_number = (
    select kept.number
    from actions as other
    inner join actions as kept on kept.run_no = :run_no and kept.id = other.id
    where other.number = entries.action_number
)
where
    run_no = :tape_no
    and action_number in (
        select other.number
        from actions as other
        inner join actions as kept on kept.run_no = :run_no and kept.id = other.id
        where other.run_no = :tape_no
    )

-- name: drop_joined_actions
delete from actions
where run_no = :tape_no and id in (select kept.id from actions as kept where kept.run_no = :run_no)

-- name: adopt_actions
update actions
set run_no = :run_no, agent_id = :agent_id, is_evaluation = :is_evaluation, recounted = :version
where run_no = :tape_no

-- name: adopt_notes
update notes set run_no = :run_no where run_no = :tape_no

-- name: adopt_replays
update replays
set
    run_no = case when run_no = :tape_no then :run_no else run_no end,
    with_run_no = case when with_run_no = :tape_no then :run_no else with_run_no end
where run_no = :tape_no or with_run_no = :tape_no
