-- What counts in place of lost calls is found for the ledger's sums.

create index frames_that_count on actions (project_id, started_at_us, number)
where kind not in ('model', 'tool', 'call') and (has_cost = 1 or has_tokens = 1);
