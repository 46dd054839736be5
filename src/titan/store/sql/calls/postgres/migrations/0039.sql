-- Runs know when entries of them were imported, and since when somebody trusts their code.

alter table runs add column imported_at_us bigint;

alter table runs add column trusted_at_us bigint;

-- Imports until now are known by what they reported of the run itself.
with imports as (
    select entries.run_no
    from entries
    inner join bodies on bodies.number = entries.number
    where entries.action_number is null and strpos(bodies.facts, '"source":"import"') > 0
)

update runs set imported_at_us = received_at_us
where
    run_no in (select run_no from imports)
    or run_no in (select aliases.run_no from aliases where aliases.tape_no in (select run_no from imports));
