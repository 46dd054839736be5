import { useId } from "react";
import { asScore } from "./scoreText";
import { useTyped } from "./useTyped";
import "./field.css";

interface Props {
  /** 1 to 100 as a text; "" for any. */
  value: string;
  onChange: (value: string) => void;
}

/** Only runs whose determinism score is lower: the limits of the bands to choose, or any other. */
export function ScoreField({ value, onChange }: Props) {
  const [typed, type] = useTyped(value, onChange, asScore);
  const isWrong = asScore(typed) === null;
  const id = useId();
  return (
    <>
      <input
        type="text"
        inputMode="numeric"
        className="field score-field"
        aria-label="Determinism below"
        aria-invalid={isWrong || undefined}
        aria-describedby={isWrong ? `${id}-wrong` : undefined}
        placeholder="Score <"
        title="Only runs with a determinism score below: 70, for example"
        list={id}
        value={typed}
        onChange={(event) => type(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      <datalist id={id}>
        <option value="50" />
        <option value="70" />
        <option value="90" />
      </datalist>
      {isWrong ? (
        <span id={`${id}-wrong`} role="alert" className="field-wrong">
          Determinism filters nothing: “{typed.trim()}” is no score from 1 to 100
        </span>
      ) : null}
    </>
  );
}
