-- Since when a job waited for each attempt: a retry of the job forgets it.

alter table attempts add column ready_at_us bigint;
