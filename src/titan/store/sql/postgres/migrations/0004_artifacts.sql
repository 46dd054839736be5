-- What a job uploads or publishes is among the files it left.

alter table attempt_files drop constraint attempt_files_place_check;

alter table attempt_files add constraint attempt_files_place_check
check (place in ('workspace', 'archive', 'artifact'));
