import { useState } from "react";
import { ofProject } from "../../../api/project";
import type { ExportFormat, RunView } from "../../../api/recorded";
import { Button } from "../../../parts/Button";
import { useEscape } from "../../../parts/useEscape";

const FORMATS: readonly (readonly [format: ExportFormat, about: string])[] = [
  ["jsonl", "JSONL: a line each for the run, its actions and notes; can be imported"],
  ["json", "JSON: one document"],
  ["csv", "CSV: a row for each action"],
];

/** Downloads of this run with all its actions and notes. */
export function ExportMenu({ run }: { run: RunView }) {
  const [isOpen, setOpen] = useState(false);
  useEscape(() => setOpen(false), isOpen);
  return (
    <div className="run-menu">
      <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        Export
      </Button>
      {isOpen ? (
        <ul className="run-menu-list card">
          {FORMATS.map(([format, about]) => (
            <li key={format}>
              <a
                className="run-menu-item"
                href={exportPath(run.run_id, format)}
                download
                onClick={() => setOpen(false)}
              >
                {about}
              </a>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

function exportPath(run: string, format: ExportFormat): string {
  const query = new URLSearchParams({ format, run_id: run });
  return ofProject(`/api/v1/runs/export?${query}`);
}
