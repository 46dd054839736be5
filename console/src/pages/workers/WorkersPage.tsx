import { useState } from "react";
import { useQueue, useWorkers } from "../../api/workers";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { Failure } from "../../parts/Failure";
import { Page } from "../../parts/Page";
import { useUrl } from "../../parts/url";
import { AddWorker } from "./AddWorker";
import { CapacityStrip } from "./CapacityStrip";
import { capacityOf, isHere } from "./capacity";
import { Nodes } from "./Nodes";
import { joinCommand } from "./offers";
import { QueueList } from "./QueueList";
import "./workers.css";

/** Who does the work, how much of it at once, and what each waiting job waits for. */
export function WorkersPage() {
  const workers = useWorkers();
  const queue = useQueue();
  const [url, setUrl] = useUrl();
  const [adding, setAdding] = useState<string | null>(null); // the label to offer
  const all = workers.data ?? [];
  const here = all.filter(isHere);
  const gone = all.filter((worker) => !isHere(worker));
  const jobs = queue.data?.jobs ?? [];
  return (
    <Page
      title="Workers"
      aside={
        <Button kind="main" onClick={() => setAdding("GENERAL")}>
          Add a worker
        </Button>
      }
    >
      {workers.error ? <Failure of={workers.error} again={workers.refetch} /> : null}
      <CapacityStrip capacity={capacityOf(all, jobs)} onAdd={setAdding} />
      {workers.data && here.length === 0 ? (
        <div className="card">
          <Empty title="No worker is connected" command={joinCommand(window.location.origin, { GENERAL: 4 })}>
            Jobs wait until one joins. A worker can run on any machine that reaches this server.
          </Empty>
        </div>
      ) : null}
      {here.length > 0 ? <Nodes label="Connected workers" workers={here} /> : null}
      {gone.length > 0 ? (
        <section className="stack">
          <Button
            kind="quiet"
            className="workers-fold"
            aria-expanded={url.has("gone")}
            onClick={() => setUrl({ gone: url.has("gone") ? null : "1" })}
          >
            <span aria-hidden="true">{url.has("gone") ? "▾" : "▸"}</span> {gone.length.toLocaleString("en-US")} that
            left or were lost
          </Button>
          {url.has("gone") ? <Nodes label="Workers that are gone" workers={gone} isGone /> : null}
        </section>
      ) : null}
      {queue.error ? <Failure of={queue.error} again={queue.refetch} /> : null}
      {queue.data ? <QueueList queue={queue.data} onAdd={setAdding} /> : null}
      {adding !== null ? <AddWorker label={adding} onClose={() => setAdding(null)} /> : null}
    </Page>
  );
}
