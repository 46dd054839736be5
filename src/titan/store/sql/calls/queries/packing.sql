Compressing the tapes of runs that are over.

-- name: runs_to_pack
select run_no, project_id, version
from runs
where is_packed = 0 and status in ('completed', 'failed', 'cancelled') and received_at_us < :before_us
order by received_at_us
limit :limit

-- name: entries_to_pack
select
    entries.number, entries.action_number, entries.received_at_us, bodies.facts, bodies.inputs, bodies.inputs_shared,
    bodies.outputs, bodies.outputs_shared, hex(bodies.link)
from entries
cross join bodies on bodies.number = entries.number
where entries.run_no = :run_no
order by entries.number

-- name: texts_to_pack
select text_no, content from texts where run_no = :run_no order by text_no

-- name: is_still_to_pack
select 1 from runs where run_no = :run_no and version = :version and is_packed = 0

-- name: add_packs
insert into packs (project_id, run_no, kind, first, last, data) values (?, ?, ?, ?, ?, ?)

-- name: drop_packed_bodies
delete from bodies where number in (select number from entries where run_no = :run_no)

-- name: drop_packed_texts
delete from texts where run_no = :run_no

-- name: note_packed
update runs set is_packed = 1 where run_no = :run_no

-- name: packs_of_entries
select data
from packs
where run_no = :run_no and kind = 'entries' and first <= :last and last >= :first
order by first

-- name: packs_of_texts
select data from packs where run_no = :run_no and kind = 'texts' and first <= :last and last >= :first
