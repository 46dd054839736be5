-- What runs of before lost, as their events told: where the words of an event are packed, it tells of one, as one without a
-- count does (`rules.losses`).

update runs
set
    lost = max(
        lost,
        (
            select
                sum(
                    case
                        when not json_valid(facts.details) then 1
                        when json_type(facts.details, '$.attributes.count') is distinct from 'integer' then 1
                        else min(max(json_extract(facts.details, '$.attributes.count'), 1), 1000000000000)
                    end
                )
            from (
                select coalesce(json_extract(bodies.facts, '$.details'), '') as details
                from entries
                inner join actions on actions.number = entries.action_number
                left join bodies on bodies.number = entries.number
                where
                    entries.run_no = runs.run_no and actions.kind = 'event' and actions.name = 'titan.entries_lost'
            ) as facts
        )
    )
where run_no in (select run_no from actions where kind = 'event' and name = 'titan.entries_lost');
