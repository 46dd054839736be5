-- Whose token a worker registered with, and whether what its jobs submit is confined to workers with that token.

alter table workers add column token_id text collate "C";

alter table workers add column confines bigint not null default 0 check (confines in (0, 1));

alter table tokens add column is_trusted bigint not null default 0 check (is_trusted in (0, 1));

alter table tokens add column labels text check (labels like '[%');
