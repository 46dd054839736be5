/** The layout of a page, its tabs, and lists of keyboard shortcuts. */
import { type KeyboardEvent, type ReactNode, useEffect } from "react";

interface Props {
  title: string;
  /** The number of waiting items, shown in the window's title. */
  count?: number;
  /** Filters and buttons beside the title. */
  aside?: ReactNode;
  /** The page fills the window, and its parts scroll. */
  fills?: boolean;
  children: ReactNode;
}

/** A page; its title is also the window's. */
export function Page({ title, count = 0, aside, fills = false, children }: Props) {
  useEffect(() => {
    document.title = `${count > 0 ? `(${count}) ` : ""}${title} · Titan`;
  }, [title, count]);
  return (
    <main id="main" className={fills ? "page page-fills" : "page"} tabIndex={-1}>
      <header className="page-header">
        <h1 className="truncate" dir="auto">
          {title}
        </h1>
        {aside}
      </header>
      {children}
    </main>
  );
}

interface TabsProps<T extends string> {
  tabs: readonly T[];
  names: Record<T, string>;
  chosen: T;
  /** The id prefix of the tabs' elements: `${id}-${tab}`. */
  id: string;
  onChange: (tab: T) => void;
}

/** The tabs of a page; arrow keys switch between them. */
export function Tabs<T extends string>({ tabs, names, chosen, id, onChange }: TabsProps<T>) {
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

/** Keys, separated by two spaces, and what they do. */
export type KeyLine = readonly [keys: string, what: string];

export function KeyList({ of }: { of: readonly KeyLine[] }) {
  return (
    <dl className="key-list">
      {of.map(([keys, what]) => (
        <div key={keys}>
          <dt>
            {keys.split(/\s{2,}/).map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}

interface FactProps {
  name: string;
  title?: string;
  className?: string;
  children: ReactNode;
}

/** A name and its value in a list of facts. */
export function Fact({ name, title, className, children }: FactProps) {
  return (
    <div className={className} title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
