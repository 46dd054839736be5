-- Fewer and smaller indexes of calls: they were most of what a call cost to write. Those of runs tell what is archived.
-- What entries say stands apart, so that it leaves whole pages behind when it is packed.

drop index runs_by_start;

drop index runs_by_agent;

drop index runs_by_status;

drop index runs_by_cost;

drop index runs_by_duration;

drop index actions_changed;

drop index calls_by_time;

drop index calls_by_outcome;

drop index calls_by_agent;

drop index calls_by_cost;

drop index calls_by_duration;

drop index entries_of_run;

drop index entries_of_action;

create index runs_by_start on runs (project_id, started_at_us, run_no, status, agent_id, cost, archived_at_us);

create index runs_by_agent on runs (project_id, agent_id, started_at_us, run_no, status, cost, archived_at_us);

create index runs_by_status on runs (project_id, status, started_at_us, run_no, agent_id, cost, archived_at_us);

create index runs_by_cost on runs (project_id, cost, run_no, started_at_us, status, agent_id, archived_at_us);

create index runs_by_duration on runs (project_id, duration_us, run_no, started_at_us, status, agent_id, cost, archived_at_us);

create index frames_changed on actions (run_no, version) where (heard & 268435456) <> 0;

create index calls_by_time on actions (project_id, started_at_us, number, agent_id, outcome)
where kind in ('model', 'tool', 'call');

create index calls_by_outcome on actions (project_id, outcome, started_at_us, number)
where kind in ('model', 'tool', 'call') and outcome is distinct from 'success';

create index calls_that_cost_much on actions (project_id, cost, number)
where kind in ('model', 'tool', 'call') and cost >= 5000000000;

create index calls_that_took_long on actions (project_id, duration_ns, number)
where kind in ('model', 'tool', 'call') and duration_ns >= 3000000000;

create table bodies (
    number bigint primary key,
    project_id text collate "C" not null,
    facts text collate "C" not null,
    inputs text collate "C",
    inputs_shared text collate "C",
    outputs text collate "C",
    outputs_shared text collate "C",
    link bytea not null check (length(link) = 32)
);

insert into bodies (number, project_id, facts, inputs, inputs_shared, outputs, outputs_shared, link)
select number, project_id, facts, inputs, inputs_shared, outputs, outputs_shared, link from entries where facts is not null;

alter table entries
drop column facts,
drop column inputs,
drop column inputs_shared,
drop column outputs,
drop column outputs_shared,
drop column link;

create index entries_of_run on entries (run_no, number, action_number);
