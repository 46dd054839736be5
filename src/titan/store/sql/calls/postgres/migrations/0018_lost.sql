-- How many entries a run lost on their way, as its program told; such a run needs attention.

alter table runs add column lost bigint not null default 0 check (lost >= 0);

drop index runs_in_need;

create index runs_in_need on runs (project_id, last_event_at_us, run_no)
where error > 0 or blocked > 0 or rejected > 0 or status = 'failed' or lost > 0;
