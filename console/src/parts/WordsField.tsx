import "./field.css";

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** What a person says of something, in a few lines. */
export function WordsField({ label, value, onChange }: Props) {
  return (
    <label className="stack">
      <span className="soft">{label}</span>
      <textarea
        className="field"
        dir="auto"
        rows={2}
        maxLength={10_000}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}
