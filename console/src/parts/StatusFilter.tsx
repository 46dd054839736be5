import { lookOf } from "./Status";
import "./field.css";

interface Props {
  all: readonly string[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}

/** One chip for each status; none chosen means all of them. */
export function StatusFilter({ all, chosen, onChange }: Props) {
  function toggle(status: string): void {
    onChange(chosen.includes(status) ? chosen.filter((one) => one !== status) : [...chosen, status]);
  }
  return (
    <fieldset className="chips plain-fieldset">
      <legend className="unseen">Status</legend>
      {all.map((status) => {
        const { tone, glyph, word } = lookOf(status);
        return (
          <button
            key={status}
            type="button"
            className={`chip tone-${tone}`}
            aria-pressed={chosen.includes(status)}
            onClick={() => toggle(status)}
          >
            <span aria-hidden="true">{glyph}</span>
            {word}
          </button>
        );
      })}
    </fieldset>
  );
}
