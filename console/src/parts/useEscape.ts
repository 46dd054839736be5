import { useEffect, useRef } from "react";
import { isTyping } from "./isTyping";

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
