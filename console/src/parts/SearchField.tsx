import { useRef } from "react";
import "./field.css";
import { useTyped } from "./useTyped";

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
}

/** A text filter; `/` puts the cursor in it. Its value stands in the URL, a moment after the last key. */
export function SearchField({ value, onChange, label }: Props) {
  const [typed, type] = useTyped(value, onChange);
  const field = useRef<HTMLInputElement>(null);
  return (
    <input
      ref={field}
      type="search"
      className="field search-field"
      data-search=""
      aria-label={label}
      placeholder={`${label}  ( / )`}
      value={typed}
      onChange={(event) => type(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Escape") field.current?.blur();
      }}
    />
  );
}
