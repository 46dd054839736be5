/** One key of the store: its value, set members or artifact. */
import { type FormEvent, useMemo, useState } from "react";
import { useChange } from "../../api/changes";
import { useCanChange } from "../../api/session";
import { addMember, deleteKey, refetchStore, type Stored, useStored } from "../../api/store";
import { Button, CopyButton } from "../../components/Button";
import { Dialog } from "../../components/Dialog";
import { ErrorNotice } from "../../components/EmptyState";
import { FilePreview } from "../../components/FilePreview";
import { laidOutJson } from "../../components/files";
import { bytes, count } from "../../components/format";
import { Time } from "../../components/Time";
import { blobPath } from "../../components/url";
import { PutDialog } from "./PutDialog";

/** The content of a key, with buttons to change it. */
export function KeyDetail({ name, onClose }: { name: string; onClose: () => void }) {
  const { data, error, refetch } = useStored(name);
  return (
    <section className="card store-detail" aria-label="The chosen key">
      <header className="store-detail-head">
        <h2 className="mono" dir="auto">
          {name}
        </h2>
        <CopyButton text={name} label="Copy name" />
        <Button kind="quiet" onClick={onClose} aria-label="Close the key">
          ✕
        </Button>
      </header>
      {error ? <ErrorNotice of={error} onRetry={refetch} /> : null}
      {data ? <KeyContent stored={data} onGone={onClose} /> : null}
    </section>
  );
}

function KeyContent({ stored, onGone }: { stored: Stored; onGone: () => void }) {
  const canChange = useCanChange();
  const isAbsent = stored.value === null && stored.members.length === 0;
  return (
    <div className="store-holds">
      {isAbsent ? <p className="soft">Nothing is stored under this key. It was deleted or has expired.</p> : null}
      {stored.value !== null && stored.artifact ? <ArtifactView name={stored.value} digest={stored.artifact} /> : null}
      {stored.value !== null && !stored.artifact ? <ValueView value={stored.value} name={stored.key} /> : null}
      {stored.value !== null && stored.expiresAt ? (
        <p className="soft">
          Expires <Time at={stored.expiresAt} as="age" />: <Time at={stored.expiresAt} />
        </p>
      ) : null}
      {stored.members.length > 0 ? <MembersView setKey={stored.key} members={stored.members} /> : null}
      {canChange ? (
        <KeyActions stored={stored} isAbsent={isAbsent} onGone={onGone} />
      ) : (
        <p className="faint">Your token is read-only.</p>
      )}
    </div>
  );
}

function KeyActions({ stored, isAbsent, onGone }: { stored: Stored; isAbsent: boolean; onGone: () => void }) {
  const [overlay, setOverlay] = useState<"edit" | "delete" | null>(null);
  const change = useChange(
    deleteKey,
    (wasThere) => (wasThere ? `Deleted ${stored.key}` : "The key no longer exists"),
    () => {
      onGone();
      void refetchStore();
    },
  );
  const canEdit = !stored.artifact && (stored.value?.length ?? 0) <= MOST_EDITABLE;
  return (
    <div className="row">
      {canEdit ? (
        <Button onClick={() => setOverlay("edit")}>{stored.value === null ? "Set a value …" : "Change …"}</Button>
      ) : null}
      {isAbsent ? null : (
        <Button kind="danger" busy={change.isPending} onClick={() => setOverlay("delete")}>
          Delete …
        </Button>
      )}
      {overlay === "edit" ? (
        <PutDialog of={stored} onClose={() => setOverlay(null)} onDone={() => setOverlay(null)} />
      ) : null}
      {overlay === "delete" ? (
        <Dialog
          title="Delete this key?"
          onClose={() => setOverlay(null)}
          footer={
            <>
              <Button onClick={() => setOverlay(null)}>Back</Button>
              <Button
                kind="danger"
                data-first=""
                onClick={() => {
                  setOverlay(null);
                  change.run(stored.key);
                }}
              >
                Delete
              </Button>
            </>
          }
        >
          <p className="mono store-wrap" dir="auto">
            {stored.key}
          </p>
          <p className="soft">
            {whatIsDeleted(stored)} Jobs that read the key then find nothing. This cannot be undone.
          </p>
        </Dialog>
      ) : null}
    </div>
  );
}

function whatIsDeleted(stored: Stored): string {
  const members = `the set of ${stored.members.length.toLocaleString("en-US")}`;
  if (stored.value === null) return `It holds ${members}.`;
  const value = stored.artifact ? "the name of an artifact (its file is kept)" : "a value";
  return stored.members.length > 0 ? `It holds ${value}, and ${members}. Both are deleted.` : `It holds ${value}.`;
}

const MOST_EDITABLE = 1024 * 1024; // characters that a text field handles
const MOST_SHOWN = 64 * 1024; // of a longer value

/** A value as text, JSON formatted; of a large one a preview. */
function ValueView({ value, name }: { value: string; name: string }) {
  const [isRaw, setIsRaw] = useState(false);
  const size = useMemo(() => new Blob([value]).size, [value]);
  const isBig = value.length > MOST_EDITABLE;
  const json = useMemo(() => (isBig ? null : laidOutJson(value)), [value, isBig]);
  const shown = isBig ? value.slice(0, MOST_SHOWN) : !isRaw && json !== null ? json : value;
  return (
    <div className="store-value">
      <div className="row">
        <h3>Value</h3>
        <span className="faint">
          {bytes(size)}
          {json === null ? "" : " · JSON"}
        </span>
        <span className="store-push" />
        {json === null ? null : (
          <Button kind="quiet" aria-pressed={isRaw} onClick={() => setIsRaw(!isRaw)}>
            As stored
          </Button>
        )}
        <CopyButton text={value} />
        <Button kind="quiet" onClick={() => saveText(value, name)}>
          Download
        </Button>
      </div>
      {value === "" ? (
        <p className="soft">Empty string.</p>
      ) : (
        <pre className="store-text" dir="auto" tabIndex={0} role="region" aria-label="Value">
          {shown}
        </pre>
      )}
      {isBig ? (
        <p className="faint">
          The first {bytes(MOST_SHOWN)} of {bytes(size)}. Download it to see the rest.
        </p>
      ) : null}
    </div>
  );
}

const STEP = 200;

/** The members of a set in insertion order. */
function MembersView({ setKey, members }: { setKey: string; members: readonly string[] }) {
  const [shown, setShown] = useState(STEP);
  return (
    <div className="store-value">
      <div className="row">
        <h3>Set</h3>
        <span className="faint">{count(members.length, "member")}, in insertion order</span>
        <span className="store-push" />
        <CopyButton text={members.join("\n")} label="Copy all" />
      </div>
      <ol className="store-members mono">
        {members.slice(0, shown).map((member) => (
          <li key={member} dir="auto">
            {member}
          </li>
        ))}
      </ol>
      {members.length > shown ? <Button onClick={() => setShown(shown + STEP * 5)}>Show more</Button> : null}
      {useCanChange() ? <Add setKey={setKey} /> : null}
    </div>
  );
}

function Add({ setKey }: { setKey: string }) {
  const [member, setMember] = useState("");
  const change = useChange(
    addMember,
    (isNew) => (isNew ? "Added to the set" : "It was in the set already"),
    () => {
      setMember("");
      void refetchStore();
    },
  );
  function add(event: FormEvent): void {
    event.preventDefault();
    change.run({ key: setKey, member });
  }
  return (
    <form className="row" onSubmit={add}>
      <input
        className="field"
        dir="auto"
        aria-label="New member"
        placeholder="New member"
        required
        value={member}
        onChange={(event) => setMember(event.target.value)}
      />
      <Button type="submit" busy={change.isPending}>
        Add
      </Button>
    </form>
  );
}

/** A published file: name, digest, preview and download. */
function ArtifactView({ name, digest }: { name: string; digest: string }) {
  return (
    <div className="store-value">
      <div className="row">
        <h3>Artifact</h3>
        <span dir="auto">{name}</span>
        <span className="store-push" />
        <a href={blobPath(digest, name)} download>
          Download
        </a>
      </div>
      <div className="row">
        <span className="faint mono truncate" title={digest}>
          sha256:{digest.slice(0, 16)}…
        </span>
        <CopyButton text={digest} label="Copy digest" />
      </div>
      <FilePreview digest={digest} path={name} />
    </div>
  );
}

const KEPT_MS = 10_000; // the browser has started saving by then

/** Saves a text as a file. */
function saveText(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${fileName(name)}.txt`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

/** Returns a key as a file name. */
export function fileName(key: string): string {
  return key.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 100) || "value";
}
