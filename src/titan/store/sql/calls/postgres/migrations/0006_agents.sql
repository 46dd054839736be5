-- How well it is known whose run it is. What was heard until now stays.

alter table runs add column agent_order bigint not null default 0;
