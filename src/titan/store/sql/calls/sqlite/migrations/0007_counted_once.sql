-- Model calls of as many tokens, which may be one with steps between (`rules.merging.is_same_within`).

create index actions_alike on actions (run_no, output_tokens, input_tokens, started_at_us)
where kind = 'model' and output_tokens > 0 and parent_id is not null;

-- Calls of our model endpoint, which others tell of in whatever runs (`model.actions.OWN_ANSWER`).

create index actions_by_own_answer on actions (response_id)
where kind = 'model' and length(response_id) = 41 and substr(response_id, 1, 9) = 'chatcmpl-';
