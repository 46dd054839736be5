import { useState } from "react";
import { useChange } from "../../api/changes";
import { useCanChange } from "../../api/session";
import { deleteKey, rereadStore, type Stored, useStored } from "../../api/store";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { Dialog } from "../../parts/Dialog";
import { Failure } from "../../parts/Failure";
import { Time } from "../../parts/Time";
import { ArtifactView } from "./ArtifactView";
import { MembersView } from "./MembersView";
import { PutDialog } from "./PutDialog";
import { MOST_EDITABLE, ValueView } from "./ValueView";

/** What one key holds, and what can be done with it. */
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
      {error ? <Failure of={error} again={refetch} /> : null}
      {data ? <Holds stored={data} onGone={onClose} /> : null}
    </section>
  );
}

function Holds({ stored, onGone }: { stored: Stored; onGone: () => void }) {
  const canChange = useCanChange();
  const isAbsent = stored.value === null && stored.members.length === 0;
  return (
    <div className="store-holds">
      {isAbsent ? (
        <p className="soft">Nothing is stored under this key: it was deleted, or its time was over.</p>
      ) : null}
      {stored.value !== null && stored.artifact ? <ArtifactView name={stored.value} digest={stored.artifact} /> : null}
      {stored.value !== null && !stored.artifact ? <ValueView value={stored.value} name={stored.key} /> : null}
      {stored.value !== null && stored.expiresAt ? (
        <p className="soft">
          Gone <Time at={stored.expiresAt} as="age" />: <Time at={stored.expiresAt} />
        </p>
      ) : null}
      {stored.members.length > 0 ? <MembersView setKey={stored.key} members={stored.members} /> : null}
      {canChange ? (
        <Acts stored={stored} isAbsent={isAbsent} onGone={onGone} />
      ) : (
        <p className="faint">Your token may look; changing takes one of the role admin.</p>
      )}
    </div>
  );
}

function Acts({ stored, isAbsent, onGone }: { stored: Stored; isAbsent: boolean; onGone: () => void }) {
  const [over, setOver] = useState<"edit" | "delete" | null>(null);
  const change = useChange(
    deleteKey,
    (wasThere) => (wasThere ? `Deleted ${stored.key}` : "It was not there any more"),
    () => {
      onGone();
      void rereadStore();
    },
  );
  const canEdit = !stored.artifact && (stored.value?.length ?? 0) <= MOST_EDITABLE;
  return (
    <div className="row">
      {canEdit ? (
        <Button onClick={() => setOver("edit")}>{stored.value === null ? "Put a value …" : "Change …"}</Button>
      ) : null}
      {isAbsent ? null : (
        <Button kind="danger" busy={change.isPending} onClick={() => setOver("delete")}>
          Delete …
        </Button>
      )}
      {over === "edit" ? <PutDialog of={stored} onClose={() => setOver(null)} onDone={() => setOver(null)} /> : null}
      {over === "delete" ? (
        <Dialog
          title="Delete this key?"
          onClose={() => setOver(null)}
          footer={
            <>
              <Button onClick={() => setOver(null)}>Back</Button>
              <Button
                kind="danger"
                data-first=""
                onClick={() => {
                  setOver(null);
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
            {whatGoes(stored)} Jobs that read it find nothing from then on; it cannot be brought back.
          </p>
        </Dialog>
      ) : null}
    </div>
  );
}

function whatGoes(stored: Stored): string {
  const members = `the set of ${stored.members.length.toLocaleString("en-US")}`;
  if (stored.value === null) return `It holds ${members}.`;
  const value = stored.artifact ? "the name of an artifact, whose file stays" : "a value";
  return stored.members.length > 0 ? `It holds ${value}, and ${members}: both go.` : `It holds ${value}.`;
}
