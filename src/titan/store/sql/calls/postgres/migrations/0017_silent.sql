-- Silent runs apart by whether a call runs in them, for these may be silent for longer.

drop index runs_silent;

create index runs_silent on runs (heard_at_us) where status = 'running' and has_stages = 0 and running = 0;

create index runs_silent_within_call on runs (heard_at_us) where status = 'running' and has_stages = 0 and running > 0;
