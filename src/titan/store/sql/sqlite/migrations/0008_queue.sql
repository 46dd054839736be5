-- The parts of a queue are counted without a look at the rows.

drop index jobs_to_take;

create index jobs_to_take on jobs (lane, requirement, priority desc, ready_at_us, id, project_id)
where lane is not null;

drop index jobs_due;

create index jobs_due on jobs (due_at_us, id, project_id, status, failed_count, lost_count)
where due_at_us is not null;
