import { useEffect, useRef, useState } from "react";
import "./field.css";

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
}

const QUIET_MS = 150; // between two keys, before the list is asked anew

/** A text filter; `/` puts the cursor in it. Its value stands in the URL, a moment after the last key. */
export function SearchField({ value, onChange, label }: Props) {
  const [typed, setTyped] = useState(value);
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  function change(text: string): void {
    setTyped(text);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => tell(text), QUIET_MS);
  }
  function tell(text: string): void {
    timer.current = undefined;
    onChange(text);
  }
  /** Whoever leaves the field goes somewhere; a change of the URL that came after would call them back. */
  function leave(): void {
    if (timer.current === undefined) return;
    window.clearTimeout(timer.current);
    tell(typed);
  }
  return (
    <input
      ref={field}
      type="search"
      className="field search-field"
      data-search=""
      aria-label={label}
      placeholder={`${label}  ( / )`}
      value={typed}
      onChange={(event) => change(event.target.value)}
      onBlur={leave}
      onKeyDown={(event) => {
        if (event.key === "Escape") field.current?.blur();
      }}
    />
  );
}
