-- Whether a note says that its run needs no attention any more, whatever more is heard of it.

alter table notes add column mutes bigint not null default 0 check (mutes in (0, 1));

create index notes_that_mute on notes (run_no) where mutes = 1;
