-- name: journal
select {entry_columns} from journal
where seq > :after_seq and (project_id = :project_id or project_id is null)
order by seq limit :limit

-- name: journal_of_all
select {entry_columns} from journal
where seq > :after_seq and seq <= :newest
order by seq limit :limit

-- name: journal_of_run
select {entry_columns} from journal
where run_id = :run_id and seq > :after_seq and project_id = :project_id
order by seq limit :limit

-- name: journal_of_dag
select {entry_columns} from journal
where
    dag_id = :dag_id and seq > :after_seq and project_id = :project_id
    and (cast(:run_id as text) is null or run_id = :run_id)
order by seq limit :limit

-- name: journal_of_job
select {entry_columns} from journal
where job_id = :job_id and seq > :after_seq and project_id = :project_id
union all
select {entry_columns} from journal
where
    dag_id = (select dag_id from jobs where id = :job_id) and job_id is null
    and seq > :after_seq and project_id = :project_id
order by seq limit :limit

-- name: last_seq
select coalesce(max(seq), 0) from journal

-- name: add_entry
insert into journal ({entry_columns}) values ({entry_values})

-- name: forget_entries_of_run
delete from journal
where
    seq in (
        select seq from journal
        where run_id = :run_id and project_id = :project_id and seq < :last_seq
        order by seq limit :limit
    )
returning seq

-- name: forget_entries_of_dag
delete from journal
where seq in (select seq from journal where dag_id = :dag_id and seq < :last_seq order by seq limit :limit)
returning seq

-- name: oldest_entries
select
    seq, at_us,
    exists (
        select 1 from run_control
        where run_control.project_id = journal.project_id and run_control.id = journal.run_id and run_control.live_job_count > 0
    )
    or exists (select 1 from dags where dags.id = journal.dag_id and dags.ended_at_us is null),
    project_id, run_id
from journal
where seq > :after_seq and seq < :last_seq
order by seq limit :limit

-- name: forget_entry
delete from journal where seq = :seq
