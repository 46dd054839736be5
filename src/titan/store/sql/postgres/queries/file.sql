-- PostgreSQL gives space back in its own time, and does not report how much of a table is unused.

-- name: unused_bytes
select 0
