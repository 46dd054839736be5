-- What a job uploads or publishes is among the files it left.
--
-- A check of a column cannot be changed in place, so `attempt_files` is written anew.

create table new_attempt_files (
    lease_id text not null references attempts (lease_id),
    place text not null check (place in ('workspace', 'archive', 'artifact')),
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

insert into new_attempt_files (
    lease_id, place, path, project_id, node, size_bytes, digest, modified_at_us, reason, noted_at_us
)
select lease_id, place, path, project_id, node, size_bytes, digest, modified_at_us, reason, noted_at_us
from attempt_files;

drop table attempt_files;

alter table new_attempt_files rename to attempt_files;

create index attempt_files_by_digest on attempt_files (digest) where digest is not null;
