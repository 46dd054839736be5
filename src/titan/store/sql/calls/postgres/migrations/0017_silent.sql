-- Silent runs apart by whether a call runs in them, for these may be silent for longer; and calls that never ended.

drop index runs_silent;

create index runs_silent on runs (heard_at_us) where status = 'running' and has_stages = 0 and running = 0;

create index runs_silent_within_call on runs (heard_at_us) where status = 'running' and has_stages = 0 and running > 0;

create index calls_never_ended on actions (run_no, started_at_us, id)
where kind in ('model', 'tool', 'call') and (heard & 536870912) <> 0;
