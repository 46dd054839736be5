-- A list of what guards of agentsentinel-sdk did.

create index interventions on actions (project_id, started_at_us, number) where kind = 'event' and (heard & 192) <> 0;
