/** Filter fields and form fields. */
import { type InputHTMLAttributes, useEffect, useId, useRef, useState } from "react";
import { ORIGINS, type OriginChoice } from "../api/types";
import { lookOf } from "./badges";
import { oneOf } from "./url";

interface FieldProps {
  value: string;
  onChange: (value: string) => void;
  label: string;
}

interface FilterInputProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange"> {
  value: string;
  onChange: (value: string) => void;
  /** Returns the value that a text means, null for an invalid one. */
  read?: (text: string) => string | null;
  /** Returns the message for an invalid text. */
  errorOf?: (typed: string) => string;
}

/** A filter in the URL, which follows shortly after the last key. An invalid text is marked and does not filter. */
function FilterInput({ value, onChange, read = (text) => text, errorOf, ...input }: FilterInputProps) {
  const [typed, type] = useTyped(value, onChange, read);
  const isInvalid = read(typed) === null;
  const id = useId();
  return (
    <>
      <input
        {...input}
        aria-invalid={isInvalid || undefined}
        aria-describedby={isInvalid ? id : undefined}
        value={typed}
        onChange={(event) => type(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      {isInvalid ? (
        <span id={id} role="alert" className="field-wrong">
          {errorOf?.(typed.trim())}
        </span>
      ) : null}
    </>
  );
}

/** A text filter, focused by `/`. */
export function SearchField({ label, ...field }: FieldProps) {
  return (
    <FilterInput
      {...field}
      type="search"
      className="field search-field"
      data-search=""
      aria-label={label}
      placeholder={`${label}  ( / )`}
    />
  );
}

/** A filter for an exact text. */
export function TextField({ label, ...field }: FieldProps) {
  return (
    <FilterInput
      {...field}
      type="text"
      className="field text-field"
      aria-label={label}
      placeholder={label}
      dir="auto"
      read={(text) => text.trim()}
    />
  );
}

/** A filter in US dollars: a decimal text, "" for none. */
export function CostField({ label, ...field }: FieldProps) {
  return (
    <FilterInput
      {...field}
      type="text"
      inputMode="decimal"
      className="field cost-field"
      aria-label={`${label} in US dollars`}
      placeholder={`${label} $`}
      read={asCost}
      errorOf={(typed) => `${label}: “${typed}” is not an amount. Enter a number such as 0.50.`}
    />
  );
}

/** A filter for runs with a lower determinism score (1 to 100 as text, "" for any), with the bands' limits as suggestions. */
export function ScoreField(field: Omit<FieldProps, "label">) {
  const id = useId();
  return (
    <>
      <FilterInput
        {...field}
        type="text"
        inputMode="numeric"
        className="field score-field"
        aria-label="Determinism below"
        placeholder="Score <"
        title="Only runs with a determinism score below: 70, for example"
        list={id}
        read={asScore}
        errorOf={(typed) => `Determinism: “${typed}” is not a score. Enter a number from 1 to 100.`}
      />
      <datalist id={id}>
        <option value="50" />
        <option value="70" />
        <option value="90" />
      </datalist>
    </>
  );
}

/** A field for a comment of a few lines. */
export function CommentField({ label, value, onChange }: FieldProps) {
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

interface SegmentedControlProps<Value extends string> {
  label: string;
  all: readonly Value[];
  chosen: Value;
  wordOf: (value: Value) => string;
  onChange: (value: Value) => void;
}

/** A choice between a few values, all visible. */
export function SegmentedControl<Value extends string>({
  label,
  all,
  chosen,
  wordOf,
  onChange,
}: SegmentedControlProps<Value>) {
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

const ORIGIN_WORDS: Record<OriginChoice, string> = { production: "Production", evaluation: "Evaluation", all: "All" };

interface OriginControlProps {
  chosen: OriginChoice;
  onChange: (fields: { origin: string | null }) => void;
}

/** Whether a page shows production, evaluations or both; `onChange` gets the URL's fields. */
export function OriginControl({ chosen, onChange }: OriginControlProps) {
  return (
    <SegmentedControl
      label="Origin"
      all={ORIGINS}
      chosen={chosen}
      wordOf={(origin) => ORIGIN_WORDS[origin]}
      onChange={(origin) => onChange({ origin: origin === "production" ? null : origin })}
    />
  );
}

/** Returns the origin in a URL; production by default. */
export function originIn(query: URLSearchParams): OriginChoice {
  return oneOf(ORIGINS, query.get("origin")) ?? "production";
}

const QUIET_MS = 150; // between the last key and the new filter

/**
 * The text of a field, and its setter; `onChange` is called shortly after the last key. `read` returns the value of a
 * text, null for an invalid one: `0.` means `0` and stays `0.` in the field.
 */
function useTyped(
  value: string,
  onChange: (value: string) => void,
  read: (text: string) => string | null,
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
