import "./choices.css";

interface Props<Value extends string> {
  label: string;
  all: readonly Value[];
  chosen: Value;
  wordOf: (value: Value) => string;
  onChange: (value: Value) => void;
}

/** One of a few, all in sight. */
export function Choices<Value extends string>({ label, all, chosen, wordOf, onChange }: Props<Value>) {
  return (
    <fieldset className="choicebar plain-fieldset">
      <legend className="unseen">{label}</legend>
      {all.map((value) => (
        <button key={value} type="button" aria-pressed={value === chosen} onClick={() => onChange(value)}>
          {wordOf(value)}
        </button>
      ))}
    </fieldset>
  );
}
