import { useState } from "react";
import { Link } from "react-router";
import type { RegistryFilter } from "../../api/registryFilter";
import { useCanChange } from "../../api/session";
import { Button } from "../../parts/Button";
import { NotifyToggle } from "../../parts/NotifyToggle";
import { SearchField } from "../../parts/SearchField";
import { ExportDialog } from "./ExportDialog";
import { ImportDialog } from "./ImportDialog";

interface Props {
  filter: RegistryFilter;
  total: number | undefined;
  /** The runs that were chosen for comparing: two at most. */
  picked: readonly string[];
  onSearch: (q: string) => void;
}

/** What can be done with the registry as a whole. */
export function RunsTools({ filter, total, picked, onSearch }: Props) {
  const [open, setOpen] = useState<"export" | "import" | null>(null);
  const canChange = useCanChange();
  const [a, b] = picked;
  return (
    <div className="row">
      <SearchField label="Run, agent, words" value={filter.q} onChange={onSearch} />
      {a && b ? (
        <Link className="button button-main" to={`/runs/compare?${new URLSearchParams({ a, b })}`}>
          Compare the two
        </Link>
      ) : a ? (
        <span className="soft">Choose one more to compare</span>
      ) : null}
      <Link to="/registry">Agents</Link>
      <NotifyToggle />
      {canChange ? <Button onClick={() => setOpen("import")}>Import</Button> : null}
      <Button onClick={() => setOpen("export")}>Export</Button>
      {open === "export" ? <ExportDialog filter={filter} total={total} onClose={() => setOpen(null)} /> : null}
      {open === "import" ? <ImportDialog onClose={() => setOpen(null)} /> : null}
    </div>
  );
}
