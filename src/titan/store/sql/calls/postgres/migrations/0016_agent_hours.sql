-- What an agent's runs come to by the hour in which they started.

create table agent_hours (
    project_id text collate "C" not null,
    agent_id text collate "C" not null,
    hour bigint not null,
    stopped bigint not null,
    attempts bigint not null,
    primary key (project_id, agent_id, hour)
);

insert into agent_hours (project_id, agent_id, hour, stopped, attempts)
select project_id, agent_id, started_at_us / 3600000000, sum(blocked + rejected), sum(success + error + blocked + rejected)
from runs
where success + error + blocked + rejected > 0
group by 1, 2, 3;
