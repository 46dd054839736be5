import { useState } from "react";
import type { ExportFormat } from "../../api/recorded";
import type { RegistryFilter } from "../../api/registryFilter";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { count } from "../../parts/format";
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

/** Says what an export will hold, and lets it be downloaded. */
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
        <legend className="unseen">Format</legend>
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
