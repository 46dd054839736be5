/** The dialog that sets a key. */
import { type FormEvent, useId, useState } from "react";
import { useChange } from "../../api/changes";
import { putValue, refetchStore } from "../../api/store";
import { Button } from "../../components/Button";
import { Dialog } from "../../components/Dialog";
import { Time } from "../../components/Time";

interface Props {
  /** The key to change with its content; none for a new key. */
  of?: { key: string; value: string | null; expiresAt: string | null };
  onClose: () => void;
  onDone: (key: string) => void;
}

/** When the key expires. */
type Stays = "always" | "keep" | "seconds";

const MOST_SHOWN = 1000; // characters of the conflicting value
const NO_STRING = 'Not a JSON string. Put quotes around it, and write \\" for a quote and \\n for a line feed.';
const SPELLING_WORDS: Record<Spelling, string> = {
  plain: "",
  crlf: "Lines end with CR LF, as on Windows; new lines will too.",
  json: "The value has carriage returns, which a text field would lose. Edit it as a JSON string, where they are \\r.",
};

/** Sets a key, unless somebody else changed it meanwhile. */
export function PutDialog({ of, onClose, onDone }: Props) {
  const [was] = useState(of); // the value that the editor saw; `of` is reloaded while the dialog is open
  const [key, setKey] = useState(was?.key ?? "");
  const spelling = spellingOf(was?.value ?? "");
  const [text, setText] = useState(spelled(was?.value ?? "", spelling));
  const [stays, setStays] = useState<Stays>(was?.expiresAt ? "keep" : "always");
  const [ttl, setTtl] = useState("");
  const [hasConflict, setHasConflict] = useState(false);
  const form = useId();
  const change = useChange(
    putValue,
    (wasSet, put) => (wasSet ? `Set ${put.key}` : null),
    (wasSet, put) => {
      setHasConflict(!wasSet);
      void refetchStore();
      if (wasSet) onDone(put.key);
    },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    const value = unspelled(text, spelling);
    if (value === null) return;
    const ttlSeconds = stays === "seconds" ? Number(ttl) : stays === "keep" ? "keep" : null;
    change.run({ key, expected: was?.value ?? null, value, ttlSeconds });
  }
  return (
    <Dialog
      title={of ? "Change a key" : "Set a key"}
      onClose={onClose}
      wide
      footer={
        <>
          <Button onClick={onClose}>Back</Button>
          <Button kind="main" type="submit" form={form} busy={change.isPending}>
            {of ? "Change" : "Set"}
          </Button>
        </>
      }
    >
      <form id={form} className="store-form" onSubmit={submit}>
        <label className="stack">
          Key
          <input
            className="field mono"
            dir="auto"
            required
            readOnly={of !== undefined}
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
        </label>
        <label className="stack">
          Value
          <textarea
            ref={(field) => field?.setCustomValidity(unspelled(text, spelling) === null ? NO_STRING : "")}
            className="field mono store-textarea"
            dir="auto"
            aria-describedby={`${form}-spelling`}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <p id={`${form}-spelling`} className="soft" hidden={spelling === "plain"}>
          {SPELLING_WORDS[spelling]}
        </p>
        <div className="row">
          <label className="row">
            The key
            <select className="field" value={stays} onChange={(event) => setStays(event.target.value as Stays)}>
              <option value="always">does not expire</option>
              {was?.expiresAt ? <option value="keep">keeps its expiry</option> : null}
              <option value="seconds">expires after a time</option>
            </select>
          </label>
          {stays === "keep" ? <Time at={was?.expiresAt} as="age" /> : null}
          {stays === "seconds" ? (
            <label className="row">
              <input
                className="field"
                type="number"
                min="0.001"
                max="3200000000"
                step="any"
                inputMode="decimal"
                aria-label="Seconds until it expires"
                required
                value={ttl}
                onChange={(event) => setTtl(event.target.value)}
              />
              seconds
            </label>
          ) : null}
        </div>
        {hasConflict ? <Conflict now={of} /> : null}
      </form>
    </Dialog>
  );
}

/** Explains a conflict: the current value, and what to do. */
function Conflict({ now }: { now: Props["of"] }) {
  if (!now) {
    return (
      <p role="alert" className="store-conflict">
        The key already exists; nothing was overwritten. Open it in the list to change it.
      </p>
    );
  }
  return (
    <div role="alert" className="store-conflict stack">
      <p>
        Somebody else changed this key; nothing was overwritten.{" "}
        {now.value === null ? "It holds no value now." : "It holds now:"}
      </p>
      {now.value === null ? null : (
        <pre className="store-now mono" dir="auto">
          {now.value.slice(0, MOST_SHOWN)}
          {now.value.length > MOST_SHOWN ? " …" : ""}
        </pre>
      )}
      <p>Copy what you need of your text, press Back and change the key again.</p>
    </div>
  );
}

/** Unchanged; CR LF line ends as LF; or, with other CRs, escaped as a JSON string. */
type Spelling = "plain" | "crlf" | "json";

export function spellingOf(value: string): Spelling {
  if (!value.includes("\r")) return "plain";
  return /[\r\n]/.test(value.replaceAll("\r\n", "")) ? "json" : "crlf";
}

/** Returns the value as text to edit. */
export function spelled(value: string, spelling: Spelling): string {
  if (spelling === "plain") return value;
  return spelling === "crlf" ? value.replaceAll("\r\n", "\n") : JSON.stringify(value);
}

/** Returns the edited value; null when it must be a JSON string and is not. */
export function unspelled(text: string, spelling: Spelling): string | null {
  if (spelling === "plain") return text;
  if (spelling === "crlf") return text.replaceAll("\n", "\r\n");
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}
