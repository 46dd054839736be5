-- What several servers on one database need of each other. Locks are numbers that all of them know.

-- name: begin
begin

-- name: begin_reading
begin isolation level repeatable read read only

-- name: commit
commit

-- name: roll_back
rollback

-- name: savepoint
savepoint decision

-- name: undo
rollback to savepoint decision

-- name: release
release savepoint decision

-- name: take_turn
select pg_advisory_xact_lock(:lock)

-- name: our_turn
select
    pg_current_xact_id()::text, (select coalesce(max(seq), 0) from journal),
    cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)

-- name: outcome_of
select pg_xact_status(cast(cast(:xid as text) as xid8))

-- name: notify
select pg_notify(:channel, :message)

-- name: listen
listen titan

-- name: listen_to_calls
listen titan_calls

-- name: relax
-- A power cut may undo this transaction.
set local synchronous_commit = off

-- name: take_charge
select pg_try_advisory_lock(:lock)

-- name: position
select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint), (select coalesce(max(seq), 0) from journal)
