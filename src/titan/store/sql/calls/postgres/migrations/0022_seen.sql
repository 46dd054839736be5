-- How much of what went wrong in a run somebody acknowledged, so that what nobody did is found without a look at the others.

alter table runs add column seen bigint not null default 0;

update runs
set
    seen = (
        select coalesce(max(case when mutes = 1 then 9223372036854775807 else troubles end), 0)
        from notes
        where notes.run_no = runs.run_no and (acknowledges = 1 or mutes = 1)
    )
where run_no in (select run_no from notes where acknowledges = 1 or mutes = 1);

create index runs_unseen on runs (project_id, last_event_at_us, run_no)
where (error > 0 or blocked > 0 or rejected > 0 or status = 'failed' or lost > 0) and troubles > seen;

drop index notes_that_mute;
