-- Digests of what was told beside a run, so that each is kept once. Of what was heard until now none is known.

alter table runs add column details_told text collate "C" not null default '';
