-- How much had gone wrong in a run when somebody acknowledged it: it needs attention again where more has.

alter table notes add column troubles bigint not null default 0;

update notes
set
    troubles = (
        select runs.error + runs.blocked + runs.rejected + runs.lost + case when runs.status = 'failed' then 1 else 0 end
        from runs
        where runs.run_no = notes.run_no and notes.at_us >= runs.heard_at_us
        union all
        select 0
        limit 1
    )
where acknowledges = 1;
