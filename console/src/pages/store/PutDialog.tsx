import { type FormEvent, useId, useState } from "react";
import { useChange } from "../../api/changes";
import { putValue, rereadStore } from "../../api/store";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";

interface Props {
  /** The key to change and what it held; none for a new key. */
  of?: { key: string; value: string | null };
  onClose: () => void;
  onDone: (key: string) => void;
}

/** Sets a key, unless somebody else set it meanwhile: then it says so and changes nothing. */
export function PutDialog({ of, onClose, onDone }: Props) {
  const [key, setKey] = useState(of?.key ?? "");
  const [value, setValue] = useState(of?.value ?? "");
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
    change.run({ key, expected: of?.value ?? null, value, ttlSeconds: ttl ? Number(ttl) : null });
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
            className="field mono store-textarea"
            dir="auto"
            value={value}
            onChange={(event) => setValue(event.target.value)}
          />
        </label>
        <label className="stack">
          Gone after (seconds; empty: it stays)
          <input
            className="field"
            type="number"
            min="0.001"
            step="any"
            inputMode="decimal"
            value={ttl}
            onChange={(event) => setTtl(event.target.value)}
          />
        </label>
        {of ? (
          <p className="soft">
            A change takes away the time after which this key was to be gone, if it had one: give it again, or the key
            stays.
          </p>
        ) : null}
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
