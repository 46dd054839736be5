/** Keyboard shortcuts of pages. */
import { useEffect, useRef } from "react";

/** Calls `handler` for keys pressed without modifiers outside fields and dialogs. */
export function usePageKeys(handler: (event: KeyboardEvent) => void): void {
  const latest = useRef(handler);
  latest.current = handler;
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (!isTyping(event) && !event.ctrlKey && !event.metaKey && !event.altKey) latest.current(event);
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

/** Calls `move` on `j` (1) and `k` (-1). */
export function useMoveKeys(move: (step: 1 | -1) => void): void {
  usePageKeys(({ key }) => {
    if (key === "j") move(1);
    else if (key === "k") move(-1);
  });
}

/** Calls `close` on Escape outside fields and dialogs. */
export function useEscape(close: () => void, isOn = true): void {
  usePageKeys((event) => {
    if (isOn && event.key === "Escape" && !event.defaultPrevented) close();
  });
}

/** Returns whether a key is meant for a field or a dialog. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return target?.closest("input, textarea, select, [contenteditable], dialog") !== null && target !== null;
}
