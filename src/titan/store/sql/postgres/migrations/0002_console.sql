-- For the console: what a worker has tried, the newest last; browsers that are signed in; workers that drain.

create index attempts_by_worker on attempts (worker_id, ended_at_us, job_id);

create table sign_ins (
    hash text collate "C" not null primary key check (length(hash) = 64),
    project_id text collate "C" not null,
    token_id text collate "C" not null references tokens (id),
    created_at_us bigint not null,
    expires_at_us bigint not null
);

create index sign_ins_by_expiry on sign_ins (expires_at_us);

alter table workers add column is_draining bigint not null default 0 check (is_draining in (0, 1));

alter table workers add column load text check (load like '{%');
