import { useState } from "react";
import { useCanOperate } from "../../api/session";
import { LOAD_MS, useGoneWorkers, useQueue, useWorkers } from "../../api/workers";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { Failure } from "../../parts/Failure";
import { Page } from "../../parts/Page";
import { useUrl } from "../../parts/url";
import { AddWorker } from "./AddWorker";
import { CapacityStrip } from "./CapacityStrip";
import { capacityOf } from "./capacity";
import { Nodes } from "./Nodes";
import { joinCommand } from "./offers";
import { QueueList } from "./QueueList";
import "./workers.css";

/** Who does the work, how much of it at once, and what each waiting job waits for. */
export function WorkersPage() {
  const workers = useWorkers(LOAD_MS);
  const [longer, setLonger] = useState<Record<string, number>>({}); // groups of the queue → jobs that are wanted
  const queue = useQueue(longer);
  const canChange = useCanOperate();
  const [adding, setAdding] = useState<string | null>(null); // the label to offer
  const onAdd = canChange ? setAdding : null;
  const here = workers.data ?? [];
  return (
    <Page
      title="Workers"
      aside={
        canChange ? (
          <Button kind="main" onClick={() => setAdding("GENERAL")}>
            Add a worker
          </Button>
        ) : null
      }
    >
      {workers.error ? <Failure of={workers.error} again={workers.refetch} /> : null}
      <CapacityStrip capacity={capacityOf(here, queue.data?.ready ?? {})} onAdd={onAdd} />
      {workers.data && here.length === 0 ? (
        <div className="card">
          <Empty title="No worker is connected" command={joinCommand(window.location.origin, { GENERAL: 4 })}>
            Jobs wait until one joins. A worker can run on any machine that reaches this server.
          </Empty>
        </div>
      ) : null}
      {here.length > 0 ? <Nodes label="Connected workers" workers={here} /> : null}
      {workers.data ? <Gone /> : null}
      {queue.error ? <Failure of={queue.error} again={queue.refetch} /> : null}
      {queue.data ? (
        <QueueList
          queue={queue.data}
          onAdd={onAdd}
          onMore={(group, jobs) => setLonger((old) => ({ ...old, [group]: jobs }))}
          onFold={(group) => setLonger(({ [group]: _, ...others }) => others)}
        />
      ) : null}
      {adding !== null ? <AddWorker label={adding} onClose={() => setAdding(null)} /> : null}
    </Page>
  );
}

/** The workers that left or were lost, folded: only who unfolds them has them read. */
function Gone() {
  const [url, setUrl] = useUrl();
  const isOpen = url.has("gone");
  const { data, error, refetch } = useGoneWorkers(isOpen);
  return (
    <section className="stack">
      <Button
        kind="quiet"
        className="workers-fold"
        aria-expanded={isOpen}
        onClick={() => setUrl({ gone: isOpen ? null : "1" })}
      >
        <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> Workers that left or were lost
        {isOpen && data ? <span className="soft"> {data.length.toLocaleString("en-US")}</span> : null}
      </Button>
      {isOpen && error ? <Failure of={error} again={refetch} /> : null}
      {isOpen && data?.length === 0 ? <p className="soft">None so far.</p> : null}
      {isOpen && data?.length ? <Nodes label="Workers that are gone" workers={data} isGone /> : null}
    </section>
  );
}
