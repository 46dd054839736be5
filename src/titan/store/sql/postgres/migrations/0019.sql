-- Jobs of another organisation than `local` wait in queues of their own: GPU@@acme, GPU@<token id>@acme.

update jobs
set requirement = requirement || case when strpos(requirement, '@') > 0 then '@' else '@@' end
    || substr(project_id, 1, strpos(project_id, chr(31)) - 1)
where strpos(project_id, chr(31)) > 0;
