-- Tokens: who may ask a server that others can reach.

-- A token's secret is not here, only its SHA-256: it is 256 random bits, which no list of guesses can hold, so it needs
-- no salt. `last_used_at_us` is written at most once a minute.
create table tokens (
    id text not null primary key,
    project_id text not null,
    name text not null,
    role text not null check (role in ('admin', 'worker', 'viewer')),
    hash text not null check (length(hash) = 64),
    created_at_us integer not null,
    last_used_at_us integer,
    expires_at_us integer,
    revoked_at_us integer
) strict, without rowid;

create index tokens_newest on tokens (project_id, created_at_us, id);
