-- Old facts may go: what is pinned stays, and everything that is looked for by its age has an index.

alter table runs add column pinned_at_us integer;

alter table stored_values add column run_id text;

alter table files add column run_id text;

create index runs_quiet on runs (last_activity_at_us) where live_job_count = 0;

create index dags_ended_alone on dags (ended_at_us) where run_id is null and ended_at_us is not null;

create index dags_by_maker on dags (made_by) where made_by is not null;

create index stored_values_by_artifact on stored_values (artifact, project_id, key) where artifact is not null;

create index files_by_digest on files (digest);
