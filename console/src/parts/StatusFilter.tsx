import { lookOf } from "./Status";
import "./field.css";

interface Props<Status extends string> {
  label?: string;
  all: readonly Status[];
  chosen: readonly string[];
  /** One was chosen, or given back. What is chosen besides may be newer than what is drawn: ask the URL. */
  onToggle: (status: Status) => void;
}

/** One chip for each status; none chosen means all of them. */
export function StatusFilter<Status extends string>({ label = "Status", all, chosen, onToggle }: Props<Status>) {
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
            onClick={() => onToggle(status)}
          >
            <span aria-hidden="true">{glyph}</span>
            {word}
          </button>
        );
      })}
    </fieldset>
  );
}
