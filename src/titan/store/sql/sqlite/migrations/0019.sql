-- Jobs of another organisation than `local` wait in queues of their own: GPU@@acme, GPU@<token id>@acme.

update jobs
set requirement = requirement || case when instr(requirement, '@') > 0 then '@' else '@@' end
    || substr(project_id, 1, instr(project_id, char(31)) - 1)
where instr(project_id, char(31)) > 0;
