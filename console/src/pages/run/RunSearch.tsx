import type { ReactNode } from "react";
import { Button } from "../../parts/Button";
import { SearchField } from "../../parts/SearchField";

interface Props {
  q: string;
  onChange: (q: string) => void;
  /** To the next match, or the one before. */
  onGo: (step: 1 | -1) => void;
  /** What else stands there while something is searched for. */
  children?: ReactNode;
}

/** The search in a run, by name or content; Enter goes to the next match, Shift Enter to the one before. */
export function RunSearch({ q, onChange, onGo, children }: Props) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the field inside has the key
    <div
      className="run-search"
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
        event.preventDefault();
        onGo(event.shiftKey ? -1 : 1);
      }}
    >
      <SearchField label="Name or content" value={q} onChange={onChange} />
      {q ? (
        <>
          <Button kind="quiet" aria-label="Match before" title="Match before (Shift Enter)" onClick={() => onGo(-1)}>
            ↑
          </Button>
          <Button kind="quiet" aria-label="Next match" title="Next match (Enter)" onClick={() => onGo(1)}>
            ↓
          </Button>
          {children}
        </>
      ) : null}
    </div>
  );
}
