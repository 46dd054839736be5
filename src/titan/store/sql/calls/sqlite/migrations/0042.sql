-- Runs say whether they are of production or of an evaluation, and so do their calls, by a number that costs an index nothing.

alter table runs add column origin text not null default 'production' check (origin in ('production', 'evaluation'));

alter table actions add column is_evaluation integer not null default 0 check (is_evaluation in (0, 1));

-- A fork has the origin of its parent.
with recursive evaluated (project_id, id) as (
    select project_id, run_id from agent_runs
    union
    select runs.project_id, runs.id
    from evaluated
    inner join runs on runs.project_id = evaluated.project_id and runs.parent_run_id = evaluated.id
)
update runs set origin = 'evaluation' where (project_id, id) in (select project_id, id from evaluated);

update actions set is_evaluation = 1 where run_no in (select run_no from runs where origin = 'evaluation');

delete from agent_hours;

insert into agent_hours (project_id, agent_id, hour, stopped, attempts)
select
    project_id, agent_id, started_at_us / 3600000000, sum(blocked + rejected), sum(success + error + blocked + rejected)
from runs
where origin = 'production' and success + error + blocked + rejected > 0
group by 1, 2, 3;

drop index runs_by_start;
drop index runs_by_agent;
drop index runs_by_status;
drop index runs_by_cost;
drop index runs_by_duration;
drop index runs_staged;
drop index runs_by_code;
drop index runs_in_need;
drop index runs_unseen;
drop index calls_by_time;
drop index calls_by_name;
drop index calls_by_outcome;
drop index calls_that_failed;

create index runs_by_start on runs (project_id, started_at_us, run_no, status, agent_id, cost, archived_at_us, origin);
create index runs_by_agent on runs (project_id, agent_id, started_at_us, run_no, status, cost, archived_at_us, origin);
create index runs_by_status on runs (project_id, status, started_at_us, run_no, agent_id, cost, archived_at_us, origin);
create index runs_by_cost on runs (project_id, cost, run_no, started_at_us, status, agent_id, archived_at_us, origin);
create index runs_by_duration
on runs (project_id, duration_us, run_no, started_at_us, status, agent_id, cost, archived_at_us, origin);
create index runs_staged on runs (project_id, started_at_us, run_no, origin) where has_stages = 1;
create index runs_by_code on runs (project_id, agent_id, code_digest, started_at_us, determinism, origin)
where code_digest is not null;
create index runs_in_need on runs (project_id, last_event_at_us, run_no, origin)
where error > 0 or blocked > 0 or rejected > 0 or status = 'failed' or lost > 0;
create index runs_unseen on runs (project_id, last_event_at_us, run_no, origin)
where (error > 0 or blocked > 0 or rejected > 0 or status = 'failed' or lost > 0) and troubles > seen;
create index calls_by_time on actions (project_id, started_at_us, number, agent_id, outcome, is_call, is_evaluation)
where kind in ('model', 'tool', 'call');
create index calls_by_name on actions (project_id, name, started_at_us, number, is_call, is_evaluation)
where kind in ('model', 'tool', 'call');
create index calls_by_outcome on actions (project_id, outcome, started_at_us, number, is_call, is_evaluation)
where kind in ('model', 'tool', 'call') and outcome is distinct from 'success';
create index calls_that_failed on actions (project_id, agent_id, error_type, started_at_us, number, is_evaluation)
where error_type is not null;
create index wrappers_that_count on actions (project_id, started_at_us, number)
where kind not in ('model', 'tool', 'call') and has_cost = 1;
