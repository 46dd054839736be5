-- Attempts say what their programs wait for, and whether they gave back their slots; workers, which slots are given back.

alter table attempts add column wait text check (json_type(wait) = 'object');
alter table attempts add column parked_at_us integer;
alter table attempts add column woken_at_us integer;
alter table attempts add column parked_ns integer not null default 0 check (parked_ns >= 0);

alter table workers add column parks text not null default '["GENERAL"]' check (json_type(parks) = 'array');
alter table workers add column max_parked integer not null default 64 check (max_parked >= 0);

drop index attempts_live_by_worker;

create index attempts_live_by_worker on attempts (worker_id, label, parked_at_us) where outcome is null;

create index attempts_waiting on attempts (job_id) where outcome is null and wait is not null;
