-- Costs that were computed from tokens are counted, so that a sum can say that it holds some.

alter table runs add column estimated bigint not null default 0 check (estimated >= 0);

update runs
set
    estimated = (
        select count(*)
        from actions
        where
            actions.run_no = runs.run_no and actions.kind in ('model', 'tool', 'call')
            and actions.outcome in ('success', 'error') and actions.is_cost_estimated = 1 and actions.cost > 0
    );
