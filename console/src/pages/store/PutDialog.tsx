import { type FormEvent, useId, useState } from "react";
import { useChange } from "../../api/changes";
import { putValue, rereadStore } from "../../api/store";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Time } from "../../parts/Time";
import { type Spelling, spelled, spellingOf, unspelled } from "./spelling";

interface Props {
  /** The key to change and what it held; none for a new key. */
  of?: { key: string; value: string | null; expiresAt: string | null };
  onClose: () => void;
  onDone: (key: string) => void;
}

/** For how long the key is to be there. */
type Stays = "always" | "keep" | "seconds";

const NO_STRING = 'Not a JSON string: quotes around it, and within it \\" for a quote and \\n for a line feed.';
const SPELLING_WORDS: Record<Spelling, string> = {
  plain: "",
  crlf: "Its lines end with CR LF, as on Windows. They go on doing so, new ones too.",
  json: "It has carriage returns, which a text field would lose: so it is edited as a JSON string, where they are \\r.",
};

/** Sets a key, unless somebody else set it meanwhile: then it says so and changes nothing. */
export function PutDialog({ of, onClose, onDone }: Props) {
  const [key, setKey] = useState(of?.key ?? "");
  const spelling = spellingOf(of?.value ?? "");
  const [text, setText] = useState(spelled(of?.value ?? "", spelling));
  const [stays, setStays] = useState<Stays>(of?.expiresAt ? "keep" : "always");
  const [ttl, setTtl] = useState("");
  const [isTaken, setIsTaken] = useState(false);
  const form = useId();
  const change = useChange(
    putValue,
    (wasSet, put) => (wasSet ? `Set ${put.key}` : null),
    (wasSet, put) => {
      setIsTaken(!wasSet);
      void rereadStore();
      if (wasSet) onDone(put.key);
    },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    const value = unspelled(text, spelling);
    if (value === null) return;
    const ttlSeconds = stays === "seconds" ? Number(ttl) : stays === "keep" ? "keep" : null;
    change.run({ key, expected: of?.value ?? null, value, ttlSeconds });
  }
  return (
    <Dialog
      title={of ? "Change a key" : "Put a key"}
      onClose={onClose}
      wide
      footer={
        <>
          <Button onClick={onClose}>Back</Button>
          <Button kind="main" type="submit" form={form} busy={change.isPending}>
            {of ? "Change" : "Put"}
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
              <option value="always">stays</option>
              {of?.expiresAt ? <option value="keep">goes when it was to go</option> : null}
              <option value="seconds">goes after a time</option>
            </select>
          </label>
          {stays === "keep" ? <Time at={of?.expiresAt} as="age" /> : null}
          {stays === "seconds" ? (
            <label className="row">
              <input
                className="field"
                type="number"
                min="0.001"
                max="3200000000"
                step="any"
                inputMode="decimal"
                aria-label="Seconds until it is gone"
                required
                value={ttl}
                onChange={(event) => setTtl(event.target.value)}
              />
              seconds
            </label>
          ) : null}
        </div>
        {isTaken ? (
          <p role="alert" className="store-taken">
            {of
              ? "Somebody changed this key meanwhile; nothing was overwritten. Close this, and look at it anew."
              : "This key holds something already; nothing was overwritten. Open it in the list to change it."}
          </p>
        ) : null}
      </form>
    </Dialog>
  );
}
