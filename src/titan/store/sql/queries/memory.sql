-- name: value
select {value_columns} from stored_values
where project_id = :project_id and key = :key and (expires_at_us is null or expires_at_us > :now_us)

-- name: has_value
select 1 from stored_values
where project_id = :project_id and key = :key and (expires_at_us is null or expires_at_us > :now_us)

-- name: keys
select key from stored_values
where project_id = :project_id and key >= :start and (expires_at_us is null or expires_at_us > :now_us)
union
select key from members where project_id = :project_id and key >= :start
order by key limit :limit

-- name: put_value
insert into stored_values (project_id, key, changed_at_us, {value_columns})
values (:project_id, :key, :now_us, {value_values})
on conflict (project_id, key) do update set
    value = excluded.value, artifact = excluded.artifact, changed_at_us = excluded.changed_at_us,
    expires_at_us = excluded.expires_at_us, run_id = excluded.run_id

-- name: delete_value
delete from stored_values where project_id = :project_id and key = :key

-- name: delete_set
delete from members where project_id = :project_id and key = :key

-- name: forget_expired_values
delete from stored_values where (project_id, key) in (
    select project_id, key from stored_values where expires_at_us <= :now_us order by expires_at_us limit :limit
)

-- name: members
select member from members where project_id = :project_id and key = :key order by position

-- name: add_member
insert into members (project_id, key, member, position, added_at_us) values (
    :project_id, :key, :member,
    (select coalesce(max(position), 0) + 1 from members where project_id = :project_id and key = :key),
    :now_us
)
on conflict (project_id, key, member) do nothing
returning position

-- name: file
select {file_columns} from files where project_id = :project_id and name = :name

-- name: put_file
insert into files (project_id, changed_at_us, {file_columns})
values (:project_id, :now_us, {file_values})
on conflict (project_id, name) do update set
    digest = excluded.digest, size_bytes = excluded.size_bytes, changed_at_us = excluded.changed_at_us,
    run_id = excluded.run_id

-- name: receipt
select {receipt_columns} from receipts where project_id = :project_id and key = :key

-- name: add_receipt
insert into receipts (project_id, created_at_us, {receipt_columns})
values (:project_id, :now_us, {receipt_values})

-- name: forget_receipts
delete from receipts where (project_id, key) in (
    select project_id, key from receipts where created_at_us < :before_us order by created_at_us limit :limit
)

-- name: meta
select value from meta where name = :name

-- name: set_meta
insert into meta (name, value) values (:name, :value)
on conflict (name) do update set value = excluded.value

-- name: blob_is_named
select 1 from files where digest = :digest
union all
select 1 from stored_values where artifact = :digest
union all
select 1 from attempt_files where digest = :digest
limit 1

-- name: blob_is_within
select 1 from files where digest = :digest and {is_within}
union all
select 1 from stored_values where artifact = :digest and {is_within}
union all
select 1 from attempt_files where digest = :digest and {is_within}
limit 1

-- name: old_files
select project_id, name, run_id from files
where (project_id, name) > (:after_project_id, :after_name) and changed_at_us < :before_us
order by project_id, name limit :limit

-- name: forget_file
delete from files where project_id = :project_id and name = :name and changed_at_us < :before_us

-- name: old_artifact_keys
select project_id, key, artifact, run_id from stored_values
where
    artifact is not null and changed_at_us < :before_us
    and (artifact, project_id, key) > (:after_artifact, :after_project_id, :after_key)
order by artifact, project_id, key limit :limit

-- name: forget_value
delete from stored_values
where project_id = :project_id and key = :key and artifact is not null and changed_at_us < :before_us
