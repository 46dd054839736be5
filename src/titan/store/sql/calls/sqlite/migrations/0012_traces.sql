-- In which runs the traces of OpenTelemetry are that their programs named otherwise.

create table traces (
    project_id text not null,
    trace_id text not null,
    run_no integer not null references runs (run_no),
    primary key (project_id, trace_id)
) strict, without rowid;

create index traces_of_run on traces (run_no);
