-- name: worker
select {worker_columns} from workers where id = :worker_id

-- name: workers
select {worker_columns} from workers
order by case state when 'connected' then 0 else 1 end, name, id

-- name: connected_workers
select id from workers where state = 'connected' order by id

-- name: forgettable_workers
select {worker_columns} from workers
where
    state in ('lost', 'left') and seen_at_us < :before_us and id > :after_id
    and not exists (select 1 from attempts where attempts.worker_id = workers.id)
order by id
limit :limit

-- name: forget_worker
delete from workers
where
    id = :worker_id and state in ('lost', 'left') and seen_at_us < :before_us
    and not exists (select 1 from attempts where attempts.worker_id = workers.id)

-- name: save_worker
insert into workers ({worker_columns}) values ({worker_values})
on conflict (id) do update set
    name = excluded.name, host = excluded.host, pid = excluded.pid, offers = excluded.offers,
    version = excluded.version, state = excluded.state, joined_at_us = excluded.joined_at_us,
    seen_at_us = excluded.seen_at_us, server_id = excluded.server_id,
    is_draining = excluded.is_draining, load = excluded.load, token_id = excluded.token_id,
    confines = excluded.confines, parks = excluded.parks, max_parked = excluded.max_parked

-- name: worker_names
select id, name from workers where id in each(:ids)
