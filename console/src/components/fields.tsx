/** Filter fields and form fields. */
import { useEffect, useId, useRef, useState } from "react";
import { lookOf } from "./badges";

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

interface TextFieldProps {
  value: string;
  onChange: (value: string) => void;
  label: string;
}

/** A text that has to be met exactly. Its value stands in the URL, a moment after the last key. */
export function TextField({ value, onChange, label }: TextFieldProps) {
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

interface CostFieldProps {
  /** US dollars as a decimal text; "" for none. */
  value: string;
  onChange: (value: string) => void;
  label: string;
}

/** A limit in US dollars. What is no amount is marked, and asks for nothing. */
export function CostField({ value, onChange, label }: CostFieldProps) {
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
          {label}: “{typed.trim()}” is not an amount. Enter a number such as 0.50.
        </span>
      ) : null}
    </>
  );
}

interface ScoreFieldProps {
  /** 1 to 100 as a text; "" for any. */
  value: string;
  onChange: (value: string) => void;
}

/** Only runs whose determinism score is lower: the limits of the bands to choose, or any other. */
export function ScoreField({ value, onChange }: ScoreFieldProps) {
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
          Determinism: “{typed.trim()}” is not a score. Enter a number from 1 to 100.
        </span>
      ) : null}
    </>
  );
}

interface WordsFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** What a person says of something, in a few lines. */
export function WordsField({ label, value, onChange }: WordsFieldProps) {
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

interface StatusFilterProps<Status extends string> {
  label?: string;
  all: readonly Status[];
  chosen: readonly string[];
  /** One was chosen, or given back. What is chosen besides may be newer than what is drawn: ask the URL. */
  onToggle: (status: Status) => void;
}

/** One chip for each status; none chosen means all of them. */
export function StatusFilter<Status extends string>({
  label = "Status",
  all,
  chosen,
  onToggle,
}: StatusFilterProps<Status>) {
  return (
    <fieldset className="chips plain-fieldset">
      <legend className="sr-only">{label}</legend>
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

interface ChoicesProps<Value extends string> {
  label: string;
  all: readonly Value[];
  chosen: Value;
  wordOf: (value: Value) => string;
  onChange: (value: Value) => void;
}

/** One of a few, all in sight. */
export function SegmentedControl<Value extends string>({ label, all, chosen, wordOf, onChange }: ChoicesProps<Value>) {
  return (
    <fieldset className="segmented plain-fieldset">
      <legend className="sr-only">{label}</legend>
      {all.map((value) => (
        <button key={value} type="button" aria-pressed={value === chosen} onClick={() => onChange(value)}>
          {wordOf(value)}
        </button>
      ))}
    </fieldset>
  );
}

const QUIET_MS = 150; // between two keys, before the list is asked anew

/**
 * What is typed into a field, and how to type: `onChange` hears of it a moment after the last key.
 *
 * `read` returns the value that a text means, null where it means none: `0.` means `0` and stays `0.` in the field.
 */
function useTyped(
  value: string,
  onChange: (value: string) => void,
  read: (text: string) => string | null = (text) => text,
): [string, (text: string) => void] {
  const [typed, setTyped] = useState(value);
  const timer = useRef<number | undefined>(undefined);
  const sent = useRef<string[]>([]);
  useEffect(() => {
    if (isEcho(sent.current, value)) return;
    window.clearTimeout(timer.current);
    setTyped(value);
  }, [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  function type(text: string): void {
    setTyped(text);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      const meant = read(text);
      if (meant === null) return;
      sent.current.push(meant);
      onChange(meant);
    }, QUIET_MS);
  }
  return [typed, type];
}

/** Returns whether `value` is an echo of what was sent; forgets that, and what was sent before it, or all if it is none. */
export function isEcho(sent: string[], value: string): boolean {
  const at = sent.indexOf(value);
  sent.splice(0, at < 0 ? sent.length : at + 1);
  return at >= 0;
}

/** Returns an amount that somebody typed as the server takes it; "" for none, null for what is no amount. */
export function asCost(typed: string): string | null {
  const text = typed
    .trim()
    .replace(/^\$\s*/, "")
    .replace(",", ".");
  if (text === "" || text === ".") return "";
  return /^(\d{1,12}(\.\d{0,12})?|\.\d{1,12})$/.test(text) ? text.replace(/^\./, "0.").replace(/\.$/, "") : null;
}

export function isCost(text: string): boolean {
  return asCost(text) !== null;
}

/** Returns a limit of the determinism score that somebody typed; "" for none, null for what is none. */
export function asScore(typed: string): string | null {
  const text = typed.trim().replace(/^</, "").trim();
  if (text === "") return "";
  return /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 100 ? String(Number(text)) : null;
}
