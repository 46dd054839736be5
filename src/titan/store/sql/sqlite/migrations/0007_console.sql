-- What a worker has tried, the newest last: for a page that shows it.

create index attempts_by_worker on attempts (worker_id, leased_at_us, job_id);
