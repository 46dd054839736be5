-- What runs of before lost, as their events told: one without a count tells of one (`rules.losses`). The count is looked for
-- in the text, for PostgreSQL reads no JSON in which a NUL is escaped.

update runs
set
    lost = greatest(
        lost,
        (
            select
                sum(
                    greatest(
                        coalesce(
                            substring(bodies.facts from '\\"attributes\\": ?\{\\"count\\": ?([0-9]{1,12})[^0-9.]')::bigint,
                            1
                        ),
                        1
                    )
                )
            from entries
            inner join actions on actions.number = entries.action_number
            left join bodies on bodies.number = entries.number
            where entries.run_no = runs.run_no and actions.kind = 'event' and actions.name = 'titan.entries_lost'
        )
    )
where run_no in (select run_no from actions where kind = 'event' and name = 'titan.entries_lost');
