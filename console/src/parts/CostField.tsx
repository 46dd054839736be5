import { asCost } from "./costText";
import { useTyped } from "./useTyped";

interface Props {
  /** US dollars as a decimal text; "" for none. */
  value: string;
  onChange: (value: string) => void;
  label: string;
}

/** A limit in US dollars. What is no amount is marked, and asks for nothing. */
export function CostField({ value, onChange, label }: Props) {
  const [typed, type] = useTyped(value, (text) => {
    const cost = asCost(text);
    if (cost !== null) onChange(cost);
  });
  return (
    <input
      type="text"
      inputMode="decimal"
      className="field cost-field"
      aria-label={`${label} in US dollars`}
      aria-invalid={asCost(typed) === null || undefined}
      placeholder={`${label} $`}
      value={typed}
      onChange={(event) => type(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}
