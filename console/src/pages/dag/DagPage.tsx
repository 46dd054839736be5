import { lazy, Suspense, useCallback } from "react";
import { useParams } from "react-router";
import { useDag } from "../../api/dags";
import type { Dag } from "../../api/facts";
import { useRefetchOn } from "../../api/query";
import { Refusal } from "../../api/refusal";
import { Empty } from "../../parts/Empty";
import { Failure } from "../../parts/Failure";
import { Page } from "../../parts/Page";
import { Tabs } from "../../parts/Tabs";
import { useUrl } from "../../parts/url";
import { DagHeader } from "./DagHeader";
import { nameIn, VIEW_NAMES, VIEWS, viewIn } from "./dagPage";
import { GateBanner } from "./GateBanner";
import { GraphTab } from "./graph/GraphTab";
import { JobPanel } from "./panel/JobPanel";
import "./dag.css";

// The graph is what people come for; the other views come when they are opened.
const FilesTab = lazy(async () => ({ default: (await import("./files/FilesTab")).FilesTab }));
const StoryTab = lazy(async () => ({ default: (await import("./StoryTab")).StoryTab }));
const TimelineTab = lazy(async () => ({ default: (await import("./timeline/TimelineTab")).TimelineTab }));

/** One submission: its graph, timeline, files and story, and beside them the job somebody opened. */
export function DagPage() {
  const name = nameIn(useParams().dag ?? "");
  const [query] = useUrl();
  const id = query.get("id");
  const { data, error, refetch } = useDag(id ?? name);
  const isUnknown = error instanceof Refusal && error.status === 404;
  useRefetchOn((event) => isUnknown && event.kind === "DagSubmitted", refetch);
  if (data) return <OneDag dag={data} key={data.dag_id} />;
  return (
    <Page title={name}>
      {isUnknown ? (
        <Empty title="There is no such DAG" command="titan dags">
          {id
            ? "No submission has this id: it may have been cleaned up."
            : "Nothing was submitted under this name yet."}{" "}
          This page shows it as soon as it is there. Every submission that is kept:
        </Empty>
      ) : error ? (
        <Failure of={error} again={refetch} />
      ) : (
        <p className="faint">Reading …</p>
      )}
    </Page>
  );
}

function OneDag({ dag }: { dag: Dag }) {
  const [query, change] = useUrl();
  const view = viewIn(query.get("view"));
  const chosen = query.get("job");
  const job = chosen === null ? null : (dag.jobs?.find((one) => one.job_id === chosen || one.name === chosen) ?? null);
  const choose = useCallback((jobId: string) => change({ job: jobId }, true), [change]);
  return (
    <main id="main" className="dag" tabIndex={-1}>
      <DagHeader dag={dag} />
      <GateBanner dag={dag} />
      <Tabs
        id="dag-tab"
        tabs={VIEWS}
        names={VIEW_NAMES}
        chosen={view}
        onChange={(next) => change({ view: next === "graph" ? null : next, q: null }, true)}
      />
      <div className="dag-main" data-panel={job ? "" : undefined}>
        <div className="dag-view" role="tabpanel" aria-labelledby={`dag-tab-${view}`}>
          {view === "graph" ? <GraphTab dag={dag} chosen={job?.job_id ?? null} onChoose={choose} /> : null}
          <Suspense fallback={<p className="faint">Reading …</p>}>
            {view === "timeline" ? <TimelineTab dag={dag} chosen={job?.job_id ?? null} onChoose={choose} /> : null}
            {view === "files" ? <FilesTab dag={dag} /> : null}
            {view === "story" ? <StoryTab dag={dag} onChoose={choose} /> : null}
          </Suspense>
        </div>
        {job ? (
          <JobPanel key={job.job_id} job={job} dag={dag} onChoose={choose} onClose={() => change({ job: null })} />
        ) : null}
      </div>
    </main>
  );
}
