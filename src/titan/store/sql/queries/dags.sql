-- name: dag
select {dag_columns} from dags where id = :dag_id

-- name: newest_dags
select {dag_columns} from dags
where project_id = :project_id and id < :before and is_internal = 0
order by id desc limit :limit

-- name: newest_dags_of_origin
select {dag_columns} from dags
where project_id = :project_id and origin = :origin and id < :before and is_internal = 0
order by id desc limit :limit

-- name: newest_dags_called
select {dag_columns} from dags
where project_id = :project_id and name = :name and id < :before and is_internal = 0
order by id desc limit :limit

-- name: newest_dags_of_run
select {dag_columns} from dags
where project_id = :project_id and run_id = :run_id and name = coalesce(:name, name) and id < :before
order by id desc limit :limit

-- name: stages
select {dag_columns} from dags
where project_id = :project_id and run_id = :run_id
order by id

-- name: dags_made_by
select {dag_columns} from dags where made_by in each(:ids) order by id

-- name: newest_dag_of_key
select {dag_columns} from dags
where project_id = :project_id and submission_key = :submission_key
order by id desc limit 1

-- name: add_dag
insert into dags ({dag_columns}) values ({dag_values})

-- name: save_dag
update dags set
    waiting = :waiting, waiting_approval = :waiting_approval, ready = :ready, running = :running, completed = :completed, failed = :failed,
    cancelled = :cancelled, started_at_us = :started_at_us, ended_at_us = :ended_at_us,
    cancelled_by = :cancelled_by
where id = :id

-- name: forgettable_dags
select {dag_columns} from dags
where run_id is null and ended_at_us is not null and ended_at_us < :before_us
order by ended_at_us limit :limit

-- name: forget_maker
update dags set made_by = null where made_by = :job_id

-- name: forget_dag
delete from dags where id = :dag_id

-- name: projects_with_dags
-- One look at an index for each.
with recursive found (project_id) as (
    select min(project_id) from dags
    union all
    select (select min(dags.project_id) from dags where dags.project_id > found.project_id)
    from found
    where found.project_id is not null
)

select project_id from found where project_id is not null

-- name: dags_of_ids
select {dag_columns} from dags
where project_id = :project_id and id in each(:ids)

-- name: dag_names
select id, name from dags where id in each(:ids)

-- name: stages_of_runs
select {dag_columns} from dags
where project_id = :project_id and run_id in each(:ids)
order by id
