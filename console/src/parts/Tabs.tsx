import type { KeyboardEvent } from "react";
import "./tabs.css";

interface Props<T extends string> {
  tabs: readonly T[];
  names: Record<T, string>;
  chosen: T;
  /** Of a tab's element: `${id}-${tab}`. */
  id: string;
  onChange: (tab: T) => void;
}

/** The views of a page; arrow keys go from one to the next. */
export function Tabs<T extends string>({ tabs, names, chosen, id, onChange }: Props<T>) {
  function onKey(event: KeyboardEvent<HTMLDivElement>): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(chosen) + step + tabs.length) % tabs.length] as T;
    onChange(next);
    event.currentTarget.querySelector<HTMLElement>(`#${id}-${next}`)?.focus();
  }
  return (
    <div className="tabs" role="tablist" aria-label="Views" onKeyDown={onKey}>
      {tabs.map((one) => (
        <button
          key={one}
          id={`${id}-${one}`}
          type="button"
          role="tab"
          className="tab"
          aria-selected={one === chosen}
          tabIndex={one === chosen ? 0 : -1}
          onClick={() => onChange(one)}
        >
          {names[one]}
        </button>
      ))}
    </div>
  );
}
