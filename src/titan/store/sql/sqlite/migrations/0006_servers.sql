-- Which server expects to hear of a worker: on this database there is only one, and its name is ''.

alter table workers add column server_id text not null default '';
