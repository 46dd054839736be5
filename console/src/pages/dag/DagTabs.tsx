import type { KeyboardEvent } from "react";
import { VIEWS, type View } from "./dagPage";

const NAMES: Record<View, string> = { graph: "Graph", timeline: "Timeline", files: "Files", story: "Story" };

/** The views of a submission; arrow keys go from one to the next. */
export function DagTabs({ view, onChange }: { view: View; onChange: (view: View) => void }) {
  function onKey(event: KeyboardEvent<HTMLDivElement>): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length] as View;
    onChange(next);
    event.currentTarget.querySelector<HTMLElement>(`#dag-tab-${next}`)?.focus();
  }
  return (
    <div className="dag-tabs" role="tablist" aria-label="Views" onKeyDown={onKey}>
      {VIEWS.map((one) => (
        <button
          key={one}
          id={`dag-tab-${one}`}
          type="button"
          role="tab"
          className="dag-tab"
          aria-selected={one === view}
          tabIndex={one === view ? 0 : -1}
          onClick={() => onChange(one)}
        >
          {NAMES[one]}
        </button>
      ))}
    </div>
  );
}
