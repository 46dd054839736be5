-- What attempts leave in their folders; archives of jobs stand in a job's spec.

create table attempt_files (
    lease_id text not null references attempts (lease_id),
    place text not null check (place in ('workspace', 'archive')),
    path text not null,
    project_id text not null,
    node text not null,
    size_bytes integer not null check (size_bytes >= 0),
    digest text check (length(digest) = 64),
    modified_at_us integer not null,
    reason text,
    noted_at_us integer not null,
    primary key (lease_id, place, path),
    constraint no_content_has_a_reason check (digest is not null or reason is not null)
) strict, without rowid;

create index attempt_files_by_digest on attempt_files (digest) where digest is not null;
