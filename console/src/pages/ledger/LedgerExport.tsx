import { useState } from "react";
import type { LedgerFilter } from "../../api/ledgerFilter";
import type { ExportFormat } from "../../api/recorded";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { exportPath } from "./filter";

const FORMATS: readonly (readonly [format: ExportFormat, name: string, about: string])[] = [
  ["jsonl", "JSONL", "An action on each line."],
  ["json", "JSON", "One document."],
  ["csv", "CSV", "For spreadsheets: a row for each action."],
];

/** Downloads of the actions that the filters leave. */
export function LedgerExport({ filter }: { filter: LedgerFilter }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>Export</Button>
      {isOpen ? (
        <Dialog title="Export actions" onClose={() => setOpen(false)}>
          <p>
            Every action that the filters leave, in the order they started, with its run, outcome, cost and error.
            Inputs and outputs are in the export of runs.
          </p>
          <ul className="ledger-export">
            {FORMATS.map(([format, name, about]) => (
              <li key={format}>
                <a className="button" href={exportPath(filter, format)} download onClick={() => setOpen(false)}>
                  {name}
                </a>{" "}
                <span className="soft">{about}</span>
              </li>
            ))}
          </ul>
        </Dialog>
      ) : null}
    </>
  );
}
