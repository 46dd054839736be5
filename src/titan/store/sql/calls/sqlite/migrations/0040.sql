-- Tasks and agent runs name what they are tried with: by the digest of rows that stay as long as one names them.

create table definitions (
    project_id text not null,
    digest text not null,
    content text not null,
    primary key (project_id, digest)
) strict;

alter table tasks add column state_digest text;

create index tasks_of_state on tasks (project_id, state_digest) where state_digest is not null;

alter table agent_runs add column world_digest text;

alter table agent_runs add column state_digest text;

alter table agent_runs add column scorers_digest text;

create index agent_runs_of_world on agent_runs (project_id, world_digest) where world_digest is not null;

create index agent_runs_of_state on agent_runs (project_id, state_digest) where state_digest is not null;

create index agent_runs_of_scorers on agent_runs (project_id, scorers_digest) where scorers_digest is not null;

create index agent_runs_of_seed on agent_runs (project_id, seed_digest);
