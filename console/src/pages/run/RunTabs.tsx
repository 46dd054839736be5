import type { KeyboardEvent } from "react";
import { TAB_NAMES, type Tab, tabsOf } from "./runPage";

interface Props {
  hasStages: boolean;
  hasActions: boolean;
  tab: Tab;
  onChange: (tab: Tab) => void;
}

/** The views of a run; arrow keys go from one to the next. */
export function RunTabs({ hasStages, hasActions, tab, onChange }: Props) {
  const tabs = tabsOf(hasStages, hasActions);
  function onKey(event: KeyboardEvent<HTMLDivElement>): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length] as Tab;
    onChange(next);
    event.currentTarget.querySelector<HTMLElement>(`#run-tab-${next}`)?.focus();
  }
  return (
    <div className="run-tabs" role="tablist" aria-label="Views" onKeyDown={onKey}>
      {tabs.map((one) => (
        <button
          key={one}
          id={`run-tab-${one}`}
          type="button"
          role="tab"
          className="run-tab"
          aria-selected={one === tab}
          tabIndex={one === tab ? 0 : -1}
          onClick={() => onChange(one)}
        >
          {TAB_NAMES[one]}
        </button>
      ))}
    </div>
  );
}
