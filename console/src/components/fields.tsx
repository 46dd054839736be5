/** Filter fields and form fields. */
import { useEffect, useId, useRef, useState } from "react";
import { lookOf } from "./badges";

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
}

/** A text filter, focused by `/`. Its value is in the URL shortly after the last key. */
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

/** A filter for an exact text. Its value is in the URL shortly after the last key. */
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

/** A filter in US dollars. An invalid amount is marked and does not filter. */
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
  /** 1 to 100 as text; "" for any. */
  value: string;
  onChange: (value: string) => void;
}

/** A filter for runs with a lower determinism score, with the bands' limits as suggestions. */
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

/** A field for a comment of a few lines. */
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
  /** Called with the toggled status. The URL has the current selection, which may be newer than the last render. */
  onToggle: (status: Status) => void;
}

/** A chip for each status; none selected means all. */
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

/** A choice between a few values, all visible. */
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

const QUIET_MS = 150; // between the last key and the new filter

/**
 * The text of a field, and its setter; `onChange` is called shortly after the last key. `read` returns the value of a
 * text, null for an invalid one: `0.` means `0` and stays `0.` in the field.
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

/**
 * Returns whether `value` is an echo of a sent one, and forgets what was sent up to it; all of it for another value.
 */
export function isEcho(sent: string[], value: string): boolean {
  const at = sent.indexOf(value);
  sent.splice(0, at < 0 ? sent.length : at + 1);
  return at >= 0;
}

/** Returns a typed amount as the server takes it; "" for none, null when invalid. */
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

/** Returns a typed score limit; "" for none, null when invalid. */
export function asScore(typed: string): string | null {
  const text = typed.trim().replace(/^</, "").trim();
  if (text === "") return "";
  return /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 100 ? String(Number(text)) : null;
}
