-- Model calls that were made in something, which may be a model call, too.

create index actions_nested on actions (run_no, parent_id)
where parent_id is not null and (kind = 'model' or (heard & 268435456) <> 0);
