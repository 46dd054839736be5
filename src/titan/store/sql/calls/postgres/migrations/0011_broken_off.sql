-- Runs that ended with calls that never did, and what changed by that without an entry.

create index runs_left_open on runs (heard_at_us)
where running > 0 and status in ('completed', 'failed', 'cancelled');

drop index frames_changed;

create index changed_untold on actions (run_no, version) where (heard & 805306368) <> 0;
