-- name: attempt
select {attempt_columns} from attempts where lease_id = :lease_id

-- name: attempts_of_job
select {attempt_columns} from attempts where job_id = :job_id order by ordinal

-- name: last_lease_of_job_by_worker
select max(leased_at_us) from attempts where job_id = :job_id and worker_id = :worker_id

-- name: live_attempt_of_job
select {attempt_columns} from attempts where job_id = :job_id and outcome is null

-- name: live_attempt_by_token
select {attempt_columns} from attempts where token = :token and outcome is null

-- name: live_attempts_of_worker
select {attempt_columns} from attempts
where worker_id = :worker_id and outcome is null
order by leased_at_us, lease_id

-- name: last_attempts_of_worker
select {attempt_columns} from attempts
where worker_id = :worker_id and outcome is not null
order by ended_at_us desc, job_id desc limit :limit

-- name: busy_slots
select label, count(*) from attempts
where worker_id = :worker_id and outcome is null and parked_at_us is null
group by label

-- name: running_on
select attempts.lease_id, attempts.woken_at_us from attempts
inner join jobs on jobs.id = attempts.job_id
where
    attempts.worker_id = :worker_id and attempts.label = :label and attempts.outcome is null
    and attempts.parked_at_us is null and jobs.status = 'RUNNING'

-- name: waiting_attempts
select {attempt_columns} from attempts where outcome is null and wait is not null
order by leased_at_us, lease_id

-- name: expired_attempts
select {attempt_columns} from attempts
where outcome is null and expires_at_us <= :now_us
order by expires_at_us, lease_id

-- name: add_attempt
insert into attempts (
    {attempt_columns}, ordinal
) values (
    {attempt_values}, (select coalesce(max(ordinal), 0) + 1 from attempts where job_id = :job_id)
)

-- name: save_attempt
update attempts set
    expires_at_us = :expires_at_us, started_at_us = :started_at_us, ended_at_us = :ended_at_us, outcome = :outcome,
    exit_code = :exit_code, signal = :signal, duration_ns = :duration_ns, peak_memory_bytes = :peak_memory_bytes,
    error = :error, is_stop_requested = :is_stop_requested, wait = :wait, parked_at_us = :parked_at_us,
    woken_at_us = :woken_at_us, parked_ns = :parked_ns
where lease_id = :lease_id

-- name: forget_attempt
delete from attempts where lease_id = :lease_id

-- name: renew_lease
update attempts set expires_at_us = :expires_at_us
where lease_id = :lease_id and worker_id = :worker_id and outcome is null
returning lease_id

-- name: renew_all_leases
update attempts set expires_at_us = :expires_at_us
where outcome is null

-- name: log_owner
select attempts.ended_at_us, jobs.project_id, jobs.run_id
from attempts
inner join jobs on jobs.id = attempts.job_id
where attempts.lease_id = :lease_id

-- name: forget_attempts
delete from attempts where job_id = :job_id

-- name: attempts_of_jobs
select {attempt_columns} from attempts
where job_id in each(:ids)
order by job_id, ordinal
