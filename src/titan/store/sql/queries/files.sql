-- Files that attempts left. A path of a workspace is one file for each node; one of an unpacked archive, and an
-- artifact, is one for each job.

-- fragment: left_columns
f.*, j.id as job_id, j.name, a.number, a.worker_id

-- fragment: newest_first
row_number() over (
    partition by f.place, f.path, case when f.place = 'workspace' then f.node else j.id end
    order by f.noted_at_us desc, a.leased_at_us desc, f.lease_id
) as age

-- fragment: left_by_attempts
join attempts a on a.job_id = j.id
join attempt_files f on f.lease_id = a.lease_id

-- fragment: left_order
order by path, place, job_id, worker_id limit :limit

-- name: note_attempt_file
insert into attempt_files (
    {attempt_file_columns}, lease_id, project_id, noted_at_us
) values (
    {attempt_file_values}, :lease_id, :project_id, :now_us
)
on conflict (lease_id, place, path) do update set
    size_bytes = excluded.size_bytes, digest = excluded.digest, modified_at_us = excluded.modified_at_us,
    reason = excluded.reason

-- name: files_of_job
select {left_file_columns} from (
    select {left_columns}, {newest_first} from jobs j {left_by_attempts} where j.id = :job_id
) as found
where age = 1 {left_order}

-- name: files_of_job_attempt
select {left_file_columns} from (
    select {left_columns}, {newest_first} from jobs j {left_by_attempts} where j.id = :job_id and a.number = :number
) as found
where age = 1 {left_order}

-- name: files_of_dag
select {left_file_columns} from (
    select {left_columns}, {newest_first} from jobs j {left_by_attempts} where j.dag_id = :dag_id
) as found
where age = 1 {left_order}

-- name: files_of_run
select {left_file_columns} from (
    select {left_columns}, {newest_first} from dags d join jobs j on j.dag_id = d.id {left_by_attempts}
    where d.project_id = :project_id and d.run_id = :run_id
) as found
where age = 1 {left_order}

-- name: forget_attempt_files
delete from attempt_files where lease_id in (select lease_id from attempts where job_id = :job_id)

-- name: forget_files_of_lease
delete from attempt_files where lease_id = :lease_id
