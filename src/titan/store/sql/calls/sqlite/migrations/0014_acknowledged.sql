-- Whether a note says that its run needs no attention any more.

alter table notes add column acknowledges integer not null default 0 check (acknowledges in (0, 1));
