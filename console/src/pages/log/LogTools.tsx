import { useState } from "react";
import { Button } from "../../parts/Button";
import { complain, say } from "../../parts/Toasts";
import { type LineRange, lineRangeOf, textOfRange } from "./lineRange";
import type { LogClient } from "./logClient";
import type { LogScroll } from "./useLogScroll";

interface Props {
  log: LogClient | null;
  scroll: LogScroll;
  chosen: LineRange | null;
  wraps: boolean;
  isLive: boolean;
  onChange: (changes: Record<string, string | null>) => void;
}

/** Which lines are chosen, wrapping, and whether the view sticks to the end. */
export function LogTools({ log, scroll, chosen, wraps, isLive, onChange }: Props) {
  const sticks = scroll.view.at === "end";
  return (
    <div className="log-tools">
      <LineField chosen={chosen} onChange={onChange} />
      {chosen && log ? <ChosenLines log={log} chosen={chosen} onClear={() => onChange({ line: null })} /> : null}
      <Button
        kind="quiet"
        className="log-toggle"
        aria-pressed={wraps}
        title="Break long lines at the edge of the window"
        onClick={() => onChange({ wrap: wraps ? null : "1" })}
      >
        Wrap
      </Button>
      {isLive ? (
        <Button
          kind="quiet"
          className="log-toggle"
          aria-pressed={sticks}
          title="Stay at the end as lines come"
          onClick={() => (sticks ? scroll.moveBy(-1) : scroll.toEnd())}
        >
          Follow
        </Button>
      ) : null}
    </div>
  );
}

function LineField({ chosen, onChange }: Pick<Props, "chosen" | "onChange">) {
  const now = chosen ? textOfRange(chosen) : "";
  const [typed, setTyped] = useState<string | null>(null);
  function take(): void {
    if (typed === null) return;
    const range = lineRangeOf(typed);
    if (range || !typed.trim()) onChange({ line: range && textOfRange(range) });
    setTyped(null);
  }
  return (
    <input
      className="field log-line-field"
      aria-label="Line, or lines as in 12-40"
      placeholder="Line"
      inputMode="numeric"
      value={typed ?? now}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={take}
      onKeyDown={(event) => {
        if (event.key === "Enter") take();
        else if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

function ChosenLines({ log, chosen, onClear }: { log: LogClient; chosen: LineRange; onClear: () => void }) {
  const count = chosen.to - chosen.from + 1;
  async function copy(what: "lines" | "link"): Promise<void> {
    try {
      const text = what === "lines" ? await log.text(chosen.from - 1, chosen.to) : window.location.href;
      await navigator.clipboard.writeText(text);
      say(
        what === "link" ? "Link copied" : count === 1 ? "Line copied" : `${count.toLocaleString("en-US")} lines copied`,
      );
    } catch (error) {
      complain(error);
    }
  }
  return (
    <>
      <Button kind="quiet" onClick={() => void copy("lines")}>
        Copy {count === 1 ? "line" : "lines"}
      </Button>
      <Button kind="quiet" onClick={() => void copy("link")}>
        Copy link
      </Button>
      <Button kind="quiet" aria-label="Choose no line" onClick={onClear}>
        ✕
      </Button>
    </>
  );
}
