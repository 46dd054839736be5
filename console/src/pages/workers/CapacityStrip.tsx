import { Button } from "../../parts/Button";
import { count } from "../../parts/format";
import type { Capacity } from "./capacity";

interface Props {
  capacity: readonly Capacity[];
  /** Null where the viewer may not. */
  onAdd: ((label: string) => void) | null;
}

/** One box for each label: busy slots of all, and what waits for one. */
export function CapacityStrip({ capacity, onAdd }: Props) {
  if (capacity.length === 0) return null;
  return (
    <ul className="workers-capacity" aria-label="Capabilities">
      {capacity.map((one) => (
        <li key={one.label} className="card workers-label" data-missing={one.slots === 0 || undefined}>
          <strong className="mono cut">{one.label}</strong>
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
