import { useTyped } from "./useTyped";
import "./field.css";

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
}

/** A text that has to be met exactly. Its value stands in the URL, a moment after the last key. */
export function TextField({ value, onChange, label }: Props) {
  const [typed, type] = useTyped(value, onChange, (text) => text.trim());
  return (
    <input
      type="text"
      className="field text-field"
      aria-label={label}
      placeholder={label}
      dir="auto"
      value={typed}
      onChange={(event) => type(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}
