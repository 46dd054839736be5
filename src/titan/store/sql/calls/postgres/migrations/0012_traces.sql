-- In which runs the traces of OpenTelemetry are that their programs named otherwise.

create table traces (
    project_id text collate "C" not null,
    trace_id text collate "C" not null,
    run_no bigint not null references runs (run_no),
    primary key (project_id, trace_id)
);

create index traces_of_run on traces (run_no);
