-- Runs know when entries of them were imported, and since when somebody trusts their code.

alter table runs add column imported_at_us integer;

alter table runs add column trusted_at_us integer;

-- Imports until now are known by what they reported of the run itself; in packs it is the fourth column of a row.
create temporary table imports as
select entries.run_no
from entries
inner join bodies on bodies.number = entries.number
where entries.action_number is null and instr(bodies.facts, '"source":"import"') > 0
union
select packs.run_no
from packs, json_each(cast(inflate(packs.data) as text)) as entry
where
    packs.kind = 'entries'
    and instr(cast(inflate(packs.data) as text), '\"source\":\"import\"') > 0
    and json_extract(entry.value, '$[1]') is null
    and instr(json_extract(entry.value, '$[3]'), '"source":"import"') > 0;

update runs set imported_at_us = received_at_us
where
    run_no in (select run_no from imports)
    or run_no in (select run_no from aliases where tape_no in (select run_no from imports));

drop table imports;
