/** The dialog that adds a worker. */
import { type FormEvent, useState } from "react";
import { useStartWorker } from "../../api/workers";
import { Button, Snippet } from "../../components/Button";
import { Dialog } from "../../components/Dialog";

const KNOWN_LABELS = ["GENERAL", "GPU", "HIGH_MEM", "PYTHON"];

/** Starts a worker on the server, or shows the command for another machine. */
export function AddWorker({ label, onClose }: { label: string; onClose: () => void }) {
  const [rows, setRows] = useState<OfferRow[]>([{ label, slots: label === "GENERAL" ? "4" : "1" }]);
  const [name, setName] = useState("");
  const start = useStartWorker(onClose);
  const offers = offersOf(rows);
  const isWrong = typeof offers === "string";
  const command = joinCommand(window.location.origin, isWrong ? { [label]: 1 } : offers);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (!isWrong) start.run({ name: name.trim() || null, offers });
  }
  return (
    <Dialog title="Add a worker" onClose={onClose}>
      <form className="workers-add" id="add-worker" onSubmit={submit}>
        <p className="soft">
          A worker offers slots under labels. Each slot runs one job at a time that requires its label.
        </p>
        <Offers rows={rows} onChange={setRows} />
        {isWrong ? (
          <p className="workers-wrong" role="alert">
            {offers}
          </p>
        ) : null}
        <section className="workers-way">
          <h3>Beside this server</h3>
          <p className="soft">
            Starts a process on the server's machine. It outlives the server: the next <code>titan up</code> takes it
            over, and Ctrl-C ends both.
          </p>
          <div className="row">
            <input
              className="field"
              aria-label="Name"
              placeholder="Name (optional)"
              maxLength={100}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
            <Button kind="main" type="submit" busy={start.isPending} disabled={isWrong}>
              Start worker
            </Button>
          </div>
        </section>
        <section className="workers-way">
          <h3>On another machine</h3>
          <p className="soft">
            Run this where Titan is installed and this address can be reached; where the server needs tokens, with
            TITAN_TOKEN set.
          </p>
          <Snippet text={command} />
        </section>
      </form>
    </Dialog>
  );
}

function Offers({ rows, onChange }: { rows: OfferRow[]; onChange: (rows: OfferRow[]) => void }) {
  function change(at: number, part: Partial<OfferRow>): void {
    onChange(rows.map((row, place) => (place === at ? { ...row, ...part } : row)));
  }
  return (
    <fieldset className="plain-fieldset workers-offers">
      <legend className="sr-only">Labels and slots</legend>
      <datalist id="known-labels">
        {KNOWN_LABELS.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      {rows.map((row, at) => (
        <div key={at} className="row">
          <input
            className="field mono"
            aria-label={`Label ${at + 1}`}
            list="known-labels"
            maxLength={64}
            value={row.label}
            onChange={(event) => change(at, { label: event.target.value })}
          />
          <span aria-hidden="true">×</span>
          <input
            className="field workers-number"
            aria-label={`Slots ${at + 1}`}
            type="number"
            min={1}
            max={1024}
            value={row.slots}
            onChange={(event) => change(at, { slots: event.target.value })}
          />
          <span className="soft">slots</span>
          {rows.length > 1 ? (
            <Button
              kind="quiet"
              aria-label={`Take ${row.label || "this line"} out`}
              onClick={() => onChange(rows.filter((_, place) => place !== at))}
            >
              ✕
            </Button>
          ) : null}
        </div>
      ))}
      <Button kind="quiet" onClick={() => onChange([...rows, { label: "", slots: "1" }])}>
        + Another label
      </Button>
    </fieldset>
  );
}

interface OfferRow {
  label: string;
  slots: string;
}

const MOST_SLOTS = 1024; // the server's limit

/** Returns the offers, or an error message. */
export function offersOf(rows: readonly OfferRow[]): Record<string, number> | string {
  const offers: Record<string, number> = {};
  for (const row of rows) {
    const label = row.label.trim();
    const slots = Number(row.slots);
    if (!label) return "Every line needs a label, such as GENERAL.";
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(label))
      return `“${label}” is not a label. Use letters A to Z and a to z, digits, “_”, “-” and “.”.`;
    if (!Number.isInteger(slots) || slots < 1 || slots > MOST_SLOTS) return `${label} needs 1 to ${MOST_SLOTS} slots.`;
    if (label in offers) return `${label} is listed twice.`;
    offers[label] = slots;
  }
  return Object.keys(offers).length > 0 ? offers : "Add a label: a worker without labels gets no jobs.";
}

/** Returns the command that starts the worker elsewhere. */
export function joinCommand(origin: string, offers: Record<string, number>): string {
  const words = Object.entries(offers).map(([label, slots]) => `--offer ${label}:${slots}`);
  return ["titan workers join", origin, ...words].join(" ");
}
