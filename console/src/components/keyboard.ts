/** Keyboard shortcuts of pages. */
import { useEffect, useRef } from "react";

/** Calls `close` on Escape outside fields and dialogs. */
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

/** Returns whether a key is meant for a field or a dialog. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return target?.closest("input, textarea, select, [contenteditable], dialog") !== null && target !== null;
}
