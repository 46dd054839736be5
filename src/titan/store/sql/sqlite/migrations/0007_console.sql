-- For the console: what a worker has tried, the newest last; browsers that are signed in; workers that drain.

create index attempts_by_worker on attempts (worker_id, ended_at_us, job_id);

create table sign_ins (
    hash text not null primary key check (length(hash) = 64),
    project_id text not null,
    token_id text not null references tokens (id),
    created_at_us integer not null,
    expires_at_us integer not null
) strict, without rowid;

create index sign_ins_by_expiry on sign_ins (expires_at_us);

alter table workers add column is_draining integer not null default 0 check (is_draining in (0, 1));

alter table workers add column load text check (json_type(load) = 'object');
