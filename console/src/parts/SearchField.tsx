import { useEffect, useRef, useState } from "react";
import "./field.css";
import { isEcho } from "./sent";

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
  const sent = useRef<string[]>([]);
  useEffect(() => {
    if (isEcho(sent.current, value)) return;
    window.clearTimeout(timer.current);
    setTyped(value);
  }, [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  function change(text: string): void {
    setTyped(text);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      sent.current.push(text);
      onChange(text);
    }, QUIET_MS);
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
      onKeyDown={(event) => {
        if (event.key === "Escape") field.current?.blur();
      }}
    />
  );
}
