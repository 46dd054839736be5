/** The dialogs that export and import runs. */
import { useState } from "react";
import { ApiError } from "../../api/apiError";
import { useChange } from "../../api/changes";
import { importRuns, type RegistryFilter } from "../../api/registry";
import type { ExportFormat, ImportAnswer } from "../../api/types";
import { Button } from "../../components/Button";
import { Dialog } from "../../components/Dialog";
import { ErrorNotice } from "../../components/EmptyState";
import { bytes, count } from "../../components/format";
import { exportPath, filterWords } from "./filter";

const FORMS: readonly { form: ExportFormat; name: string; about: string }[] = [
  {
    form: "jsonl",
    name: "JSONL",
    about: "A line for each run, then one for each of its actions and notes. Can be imported again.",
  },
  { form: "json", name: "JSON", about: "One document: every run with its actions and notes in it." },
  { form: "csv", name: "CSV", about: "For spreadsheets: a row for each action, with its run's columns repeated." },
];

interface Props {
  filter: RegistryFilter;
  total: number | undefined;
  onClose: () => void;
}

/** Chooses the format of an export and downloads it. */
export function ExportDialog({ filter, total, onClose }: Props) {
  const [form, setForm] = useState<ExportFormat>("jsonl");
  return (
    <Dialog
      title="Export runs"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          <a className="button button-main" href={exportPath(filter, form)} download onClick={onClose}>
            Download
          </a>
        </>
      }
    >
      <p>
        {total === undefined ? "The runs" : count(total, "run")} with all their actions, inputs, outputs and notes:{" "}
        <b dir="auto">{filterWords(filter)}</b>. What was redacted stays redacted.
      </p>
      <fieldset className="plain-fieldset runs-formats">
        <legend className="sr-only">Format</legend>
        {FORMS.map((one) => (
          <label key={one.form}>
            <input type="radio" name="format" checked={one.form === form} onChange={() => setForm(one.form)} />
            <span>
              <b>{one.name}</b> <span className="soft">{one.about}</span>
            </span>
          </label>
        ))}
      </fieldset>
    </Dialog>
  );
}

const NUMBER = new Intl.NumberFormat("en-US");

/** A file, and its identity for the idempotency key. */
interface Chosen {
  file: File;
  name: string;
  size: number;
  changedAt: number;
  /** Whether a truncated file is accepted. */
  isPartial: boolean;
}

/** Imports a JSONL export and shows the result. */
export function ImportDialog({ onClose }: { onClose: () => void }) {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [result, setResult] = useState<ImportAnswer | null>(null);
  const importing = useChange(
    ({ file, isPartial }: Chosen, headers) => importRuns(file, isPartial, headers),
    () => null, // the dialog shows it
    setResult,
    { isShown: true },
  );
  return (
    <Dialog
      title="Import runs"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{result ? "Close" : "Back"}</Button>
          <Button
            kind="main"
            busy={importing.isPending}
            disabled={!chosen}
            onClick={() => chosen && importing.run(chosen)}
          >
            Import
          </Button>
        </>
      }
    >
      <p className="soft">
        A JSONL export of this or another Titan. Existing runs, actions and notes are not changed, so importing a file
        twice is safe.
      </p>
      <label className="runs-file">
        <span>JSONL file</span>
        <input
          type="file"
          accept=".jsonl,.ndjson,application/jsonl"
          data-first=""
          onChange={(event) => {
            const file = event.target.files?.[0];
            setChosen(file ? chosenOf(file) : null);
            setResult(null);
          }}
        />
      </label>
      {chosen ? (
        <>
          <p className="faint">{bytes(chosen.size)}</p>
          <label className="runs-partial">
            <input
              type="checkbox"
              checked={chosen.isPartial}
              onChange={(event) => {
                setChosen({ ...chosen, isPartial: event.target.checked });
                setResult(null);
              }}
            />
            <span>
              Accept a truncated file <span className="soft">Otherwise a file without its last line is refused.</span>
            </span>
          </label>
        </>
      ) : null}
      {importing.error && !importing.isPending ? <ErrorNotice of={cutOff(importing.error) ?? importing.error} /> : null}
      <p role="status">{result ? wordsOf(result) : ""}</p>
    </Dialog>
  );
}

/** Returns the message for a truncated file; null for other errors. */
function cutOff(error: unknown): string | null {
  if (!(error instanceof ApiError) || error.problem.subject !== "the end of the import") return null;
  return `The file is truncated: ${error.problem.found}. Nothing was imported. Export it again, or tick “Accept a truncated file”.`;
}

function chosenOf(file: File): Chosen {
  return { file, name: file.name, size: file.size, changedAt: file.lastModified, isPartial: false };
}

function wordsOf({ runs, stored, repeated, notes }: ImportAnswer): string {
  const known = repeated > 0 ? `, ${NUMBER.format(repeated)} known already` : "";
  const shownToasts = notes > 0 ? ` and ${count(notes, "note")}` : "";
  return `${count(runs, "run")}: ${NUMBER.format(stored)} entries${shownToasts} were new${known}.`;
}
