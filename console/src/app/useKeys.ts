import { useEffect } from "react";
import { useNavigate } from "react-router";
import { isTyping } from "../parts/isTyping";
import { PLACES } from "./places";

const SEQUENCE_MS = 1200; // between `g` and its letter

interface Acts {
  onPalette: () => void;
  onHelp: () => void;
}

/** The keys that work on every page; they rest while somebody types or a dialog is open. */
export function useKeys({ onPalette, onHelp }: Acts): void {
  const navigate = useNavigate();
  useEffect(() => {
    let wentAt = Number.NEGATIVE_INFINITY; // 0 would take the page's first second for a `g`
    function onPlainKey(event: KeyboardEvent): void {
      const place = performance.now() - wentAt < SEQUENCE_MS && PLACES.find((one) => one.letter === event.key);
      wentAt = event.key === "g" ? performance.now() : Number.NEGATIVE_INFINITY;
      if (place) navigate(place.path);
      else if (event.key === "?") onHelp();
      else if (event.key === "/") focusSearch(event);
    }
    function onKey(event: KeyboardEvent): void {
      if (!hasModifier(event)) {
        if (!isTyping(event)) onPlainKey(event);
      } else if (event.key === "k" && !event.altKey) {
        event.preventDefault();
        onPalette();
      }
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [navigate, onPalette, onHelp]);
}

function hasModifier(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey;
}

function focusSearch(event: KeyboardEvent): void {
  const field = document.querySelector<HTMLInputElement>("main [data-search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}
