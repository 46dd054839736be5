-- How much went wrong in a run, which never falls: what is wrong now may (`model.troubles`).

alter table runs add column troubles integer not null default 0 check (troubles >= 0);

update runs
set
    troubles = error + blocked + rejected + lost
    + case when status = 'failed' or told_end like '{"status":"failed"%' then 1 else 0 end
where error > 0 or blocked > 0 or rejected > 0 or status = 'failed' or lost > 0 or told_end is not null;
