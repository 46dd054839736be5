-- Calls whose cost nobody knows are counted, so that a sum can say that it lacks them.

alter table runs add column unpriced integer not null default 0 check (unpriced >= 0);

update runs
set
    unpriced = (
        select count(*)
        from actions
        where
            actions.run_no = runs.run_no and actions.kind = 'model' and actions.outcome in ('success', 'error')
            and actions.cost is null
    );
