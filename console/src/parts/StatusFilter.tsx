import { lookOf } from "./Status";
import { toggledIn } from "./url";
import "./field.css";

interface Props {
  label?: string;
  all: readonly string[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}

/** One chip for each status; none chosen means all of them. */
export function StatusFilter({ label = "Status", all, chosen, onChange }: Props) {
  return (
    <fieldset className="chips plain-fieldset">
      <legend className="unseen">{label}</legend>
      {all.map((status) => {
        const { tone, glyph, word } = lookOf(status);
        return (
          <button
            key={status}
            type="button"
            className={`chip tone-${tone}`}
            aria-pressed={chosen.includes(status)}
            onClick={() => onChange(toggledIn(chosen, status))}
          >
            <span aria-hidden="true">{glyph}</span>
            {word}
          </button>
        );
      })}
    </fieldset>
  );
}
