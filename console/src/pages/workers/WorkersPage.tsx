import { useState } from "react";
import { useCanOperate } from "../../api/session";
import type { Worker } from "../../api/types";
import { LOAD_MS, useGoneWorkers, useQueue, useWorkers } from "../../api/workers";
import { Button } from "../../components/Button";
import { EmptyState, ErrorNotice } from "../../components/EmptyState";
import { count } from "../../components/format";
import { Page } from "../../components/Page";
import { useUrl } from "../../components/url";
import { AddWorker, joinCommand } from "./AddWorker";
import { Nodes } from "./Nodes";
import { QueueList } from "./QueueList";
import "./workers.css";

/** The Workers page: workers, capacity and queue. */
export function WorkersPage() {
  const workers = useWorkers(LOAD_MS);
  const [longer, setLonger] = useState<Record<string, number>>({}); // group of the queue → number of jobs to load
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
      {workers.error ? <ErrorNotice of={workers.error} onRetry={workers.refetch} /> : null}
      <CapacityStrip capacity={capacityOf(here, queue.data?.ready ?? {})} onAdd={onAdd} />
      {workers.data && here.length === 0 ? (
        <div className="card">
          <EmptyState title="No worker is connected" command={joinCommand(window.location.origin, { GENERAL: 4 })}>
            Jobs wait until a worker joins. It can run on any machine that reaches this server.
          </EmptyState>
        </div>
      ) : null}
      {here.length > 0 ? <Nodes label="Connected workers" workers={here} /> : null}
      {workers.data ? <GoneWorkers /> : null}
      {queue.error ? <ErrorNotice of={queue.error} onRetry={queue.refetch} /> : null}
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

/** Workers that left or were lost, loaded when expanded. */
function GoneWorkers() {
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
      {isOpen && error ? <ErrorNotice of={error} onRetry={refetch} /> : null}
      {isOpen && data?.length === 0 ? <p className="soft">None so far.</p> : null}
      {isOpen && data?.length ? <Nodes label="Workers that are gone" workers={data} isGone /> : null}
    </section>
  );
}

interface Props {
  capacity: readonly Capacity[];
  /** Null without permission. */
  onAdd: ((label: string) => void) | null;
}

/** A box for each label: busy slots and ready jobs. */
function CapacityStrip({ capacity, onAdd }: Props) {
  if (capacity.length === 0) return null;
  return (
    <ul className="workers-capacity" aria-label="Capabilities">
      {capacity.map((one) => (
        <li key={one.label} className="card workers-label" data-missing={one.slots === 0 || undefined}>
          <strong className="mono truncate">{one.label}</strong>
          {one.slots > 0 ? (
            <>
              <span className="workers-meter" aria-hidden="true">
                <i style={{ width: `${Math.min(100, (one.busy * 100) / one.slots)}%` }} />
              </span>
              <span>
                {one.busy} of {one.slots} <span className="soft">busy</span>
              </span>
            </>
          ) : (
            <span className="workers-none">
              <span aria-hidden="true">⚠ </span>no worker
            </span>
          )}
          {one.waiting > 0 ? <span className="soft">{count(one.waiting, "job")} ready</span> : null}
          {one.slots === 0 && onAdd ? (
            <Button onClick={() => onAdd(one.label)} aria-label={`Add one that offers ${one.label}`}>
              Add one
            </Button>
          ) : null}
        </li>
      ))}
    </ul>
  );
}

interface Capacity {
  readonly label: string;
  readonly slots: number;
  readonly busy: number;
  /** Jobs that are ready. */
  readonly waiting: number;
}

/** Returns all labels, those without slots first, then by name. `ready` maps labels to jobs. */
export function capacityOf(workers: readonly Worker[], ready: Readonly<Record<string, number>>): Capacity[] {
  const all = new Map<string, { slots: number; busy: number; waiting: number }>();
  function of(label: string) {
    const known = all.get(label) ?? { slots: 0, busy: 0, waiting: 0 };
    all.set(label, known);
    return known;
  }
  for (const worker of workers) {
    if (worker.state !== "connected") continue;
    for (const [label, slots] of Object.entries(worker.offers)) {
      of(label).slots += slots;
      of(label).busy += worker.busy[label] ?? 0;
    }
  }
  for (const [label, jobs] of Object.entries(ready)) of(label).waiting = jobs;
  return [...all]
    .map(([label, numbers]) => ({ label, ...numbers }))
    .sort((one, other) => Number(one.slots > 0) - Number(other.slots > 0) || one.label.localeCompare(other.label));
}
