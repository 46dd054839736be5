-- fragment: token_columns
project_id, id, name, role, hash, created_at_us, last_used_at_us, expires_at_us, revoked_at_us, is_trusted, labels,
organisation_id

-- name: token
select {token_columns} from tokens where id = :token_id

-- name: tokens
select {token_columns} from tokens order by created_at_us desc, id desc

-- name: projects_with_tokens
select distinct project_id from tokens where project_id is not null

-- name: add_token
insert into tokens ({token_columns}) values (
    :project_id, :id, :name, :role, :hash, :created_at_us, :last_used_at_us, :expires_at_us, :revoked_at_us,
    :is_trusted, :labels, :organisation_id
)

-- name: save_token
update tokens set last_used_at_us = :last_used_at_us, revoked_at_us = :revoked_at_us where id = :id

-- name: sign_in
select hash, token_id, created_at_us, expires_at_us from sign_ins where hash = :hash

-- name: add_sign_in
insert into sign_ins (hash, token_id, created_at_us, expires_at_us) values (
    :hash, :token_id, :created_at_us, :expires_at_us
)

-- name: forget_sign_in
delete from sign_ins where hash = :hash

-- name: forget_sign_ins
delete from sign_ins where expires_at_us < :before_us
