import { useEffect, useRef } from "react";
import type { Outcome } from "../../api/gates";
import { isTyping } from "../../parts/isTyping";

interface Acts {
  move: (step: 1 | -1) => void;
  ask: (outcome: Outcome) => void;
}

/** `j` and `k` go between gates, `a` and `r` ask about the chosen one; they rest while somebody types. */
export function useGateKeys(acts: Acts): void {
  const latest = useRef(acts);
  latest.current = acts;
  useEffect(() => {
    let isGoing = false; // `g a` goes to the agents and approves nothing
    function onKey(event: KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const isSecond = isGoing;
      isGoing = event.key === "g";
      if (isSecond) return;
      if (event.key === "j") latest.current.move(1);
      else if (event.key === "k") latest.current.move(-1);
      else if (event.key === "a") latest.current.ask("approve");
      else if (event.key === "r") latest.current.ask("reject");
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
