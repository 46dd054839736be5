-- name: token
select {token_columns} from tokens where id = :token_id

-- name: tokens
select {token_columns} from tokens order by created_at_us desc, id desc

-- name: projects_with_tokens
select distinct project_id from tokens where project_id is not null

-- name: add_token
insert into tokens ({token_columns}) values ({token_values})

-- name: save_token
update tokens set last_used_at_us = :last_used_at_us, revoked_at_us = :revoked_at_us where id = :id

-- name: organisations
select {organisation_columns} from organisations order by id

-- name: add_organisation
insert into organisations ({organisation_columns}) values ({organisation_values})

-- name: sign_in
select {sign_in_columns} from sign_ins where hash = :hash

-- name: add_sign_in
insert into sign_ins ({sign_in_columns}) values ({sign_in_values})

-- name: forget_sign_in
delete from sign_ins where hash = :hash

-- name: forget_sign_ins
delete from sign_ins where expires_at_us < :before_us
