import { useId } from "react";
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
  const [typed, type] = useTyped(value, onChange, asCost);
  const isWrong = asCost(typed) === null;
  const id = useId();
  return (
    <>
      <input
        type="text"
        inputMode="decimal"
        className="field cost-field"
        aria-label={`${label} in US dollars`}
        aria-invalid={isWrong || undefined}
        aria-describedby={isWrong ? id : undefined}
        placeholder={`${label} $`}
        value={typed}
        onChange={(event) => type(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      {isWrong ? (
        <span id={id} role="alert" className="field-wrong">
          {label} filters nothing: “{typed.trim()}” is no amount such as 0.50
        </span>
      ) : null}
    </>
  );
}
