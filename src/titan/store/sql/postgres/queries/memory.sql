-- name: add_member
insert into members (project_id, key, member, position, added_at_us) values (
    :project_id, :key, :member,
    (select coalesce(max(position), 0) + 1 from members where project_id = :project_id and key = :key),
    :now_us
)
on conflict (project_id, key, digest_of(member)) do nothing
returning position
