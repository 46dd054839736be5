-- DAGs say whether they are of production or of an evaluation. Which runs were evaluated is in the other database; here it
-- is known by the names that evaluations gave: of the DAG of a Python agent, and of the run of a DAG in a world.

alter table dags add column origin text not null default 'production' check (origin in ('production', 'evaluation'));

update dags set origin = 'evaluation'
where
    (project_id, run_id) in (
        select first.project_id, first.run_id
        from dags as first
        where
            first.run_id = first.agent_id || '-' || first.id
            or (
                first.name = first.run_id || '-agent'
                and exists (select 1 from jobs where jobs.dag_id = first.id and jobs.name = 'agent')
            )
    );

create index dags_by_origin on dags (project_id, origin, id);
