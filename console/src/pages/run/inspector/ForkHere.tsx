import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { type ActionDetailView, type NewFork, useStartFork } from "../../../api/run";
import { useCanChange } from "../../../api/session";
import type { RunView } from "../../../api/types";
import { Button } from "../../../components/Button";
import { Dialog } from "../../../components/Dialog";
import { ErrorNotice } from "../../../components/EmptyState";
import { runPath } from "../../../components/url";

type Part = "output" | "input";

/** Forks the run from an action with an edited input or output. */
export function ForkHere({ run, detail }: { run: RunView; detail: ActionDetailView }) {
  const [isOpen, setOpen] = useState(false);
  const canChange = useCanChange();
  if (!canChange || run.status === "running" || run.status === "pending" || !detail.sources.includes("sdk"))
    return null;
  return (
    <>
      <Button onClick={() => setOpen(true)}>Fork from here</Button>
      {isOpen ? <ForkDialog run={run} detail={detail} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function ForkDialog({ run, detail, onClose }: { run: RunView; detail: ActionDetailView; onClose: () => void }) {
  const { action, bodies } = detail;
  const texts: Record<Part, string> = { output: bodies.outputs?.text ?? "null", input: bodies.inputs?.text ?? "{}" };
  const [part, setPart] = useState<Part>("output");
  const [text, setText] = useState(indented(texts.output));
  const [live, setLive] = useState("");
  const [usd, setUsd] = useState("");
  const [calls, setCalls] = useState("");
  const navigate = useNavigate();
  const start = useStartFork(run.run_id, (fork) => navigate(runPath(fork.run_id)));
  const names = live
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  const runsLive = part === "input" || names.length > 0;
  const value = parsed(text);
  const isReady = value !== undefined && (!runsLive || (usd.trim() !== "" && Number(calls) >= 1));

  function choose(next: Part): void {
    setPart(next);
    setText(indented(texts[next]));
  }

  function send(event: FormEvent): void {
    event.preventDefault();
    if (!isReady) return;
    const limits = runsLive ? { max_usd: usd.trim(), max_calls: Number(calls) } : { max_usd: null, max_calls: null };
    const body = { at: action.id, [part]: value, live: names, no_sandbox: false, ...limits };
    start.run(body as NewFork);
  }

  return (
    <Dialog
      title={`Fork from ${action.name}`}
      onClose={onClose}
      wide
      sticky
      footer={
        <>
          <Button onClick={onClose}>Back</Button>
          <Button kind="main" form="fork" type="submit" busy={start.isPending} disabled={!isReady}>
            Fork
          </Button>
        </>
      }
    >
      <form id="fork" className="fork-form" onSubmit={send}>
        <p className="soft">
          A worker executes the run's stored code. Its calls are answered from the recording up to this action, and
          after it while they are made with the same inputs.
        </p>
        <label className="stack">
          Edit the
          <select className="field" value={part} onChange={(event) => choose(event.target.value as Part)}>
            <option value="output">output: the action is not called</option>
            <option value="input">input: the action is called with it</option>
          </select>
        </label>
        <label className="stack">
          JSON
          <textarea
            className="field mono"
            rows={10}
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        {value === undefined ? <p className="bad">Not valid JSON.</p> : null}
        <label className="stack">
          Other actions to run live, separated by commas
          <input className="field" value={live} onChange={(event) => setLive(event.target.value)} placeholder="none" />
        </label>
        <div className="row">
          <label className="stack">
            At most US$
            <input
              className="field"
              inputMode="decimal"
              required={runsLive}
              disabled={!runsLive}
              value={usd}
              onChange={(event) => setUsd(event.target.value)}
            />
          </label>
          <label className="stack">
            At most calls
            <input
              className="field"
              type="number"
              min={1}
              required={runsLive}
              disabled={!runsLive}
              value={calls}
              onChange={(event) => setCalls(event.target.value)}
            />
          </label>
        </div>
        {start.error ? <ErrorNotice of={start.error} /> : null}
      </form>
    </Dialog>
  );
}

/** Parses JSON; undefined when invalid. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function indented(text: string): string {
  const value = parsed(text);
  return value === undefined ? text : JSON.stringify(value, null, 2);
}
