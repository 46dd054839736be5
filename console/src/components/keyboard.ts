/** Keyboard shortcuts of pages. */
import { useEffect, useRef } from "react";

/** Calls `close` when Escape is pressed outside fields and dialogs, while there is something to close. */
export function useEscape(close: () => void, isOn = true): void {
  const latest = useRef(close);
  latest.current = close;
  useEffect(() => {
    if (!isOn) return undefined;
    function onKey(event: KeyboardEvent): void {
      if (event.key === "Escape" && !event.defaultPrevented && !isTyping(event)) latest.current();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [isOn]);
}

/** Returns whether a key is meant for a field or a dialog, and not for the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return target?.closest("input, textarea, select, [contenteditable], dialog") !== null && target !== null;
}
