-- A READY job may have a live attempt, which a worker prefetched. No table changes; an older server must not open this.

select 1;
