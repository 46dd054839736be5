-- Runs know that they were imported, and that somebody trusts their code. Of earlier imports nothing tells them apart
-- from runs that were recorded here: they stay null.

alter table runs add column imported_at_us integer;

alter table runs add column trusted_at_us integer;
