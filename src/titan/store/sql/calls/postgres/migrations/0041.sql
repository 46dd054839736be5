-- Agents of suites belong to their workflow. Those registered until now stay the project's, until a suite is applied.

alter table registered_agents add column workflow_id text collate "C";
