-- What a sum of costs is over the most that `cost`, `prevented` or `saved` hold, in millionths of a US dollar.

alter table runs add column cost_more integer not null default 0;

alter table runs add column prevented_more integer not null default 0;

alter table runs add column saved_more integer not null default 0;
