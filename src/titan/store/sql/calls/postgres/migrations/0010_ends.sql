-- The end that a run was told and that it went on after, as JSON; and the number of the change by which its status became
-- what it is, so that an end is news once: of what ended until now it is none.

alter table runs add column told_end text collate "C";
alter table runs add column status_version bigint not null default 0;
