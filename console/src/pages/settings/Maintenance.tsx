import { useState } from "react";
import { useChange } from "../../api/changes";
import { clean, type Freed, rereadHealth, useHealth } from "../../api/house";
import { useCanOperate } from "../../api/session";
import { Button } from "../../parts/Button";
import { Failure } from "../../parts/Failure";
import { bytes } from "../../parts/format";
import { goneLines } from "./freed";

/** The disk, and cleaning up now: first a dry run, then the deletion. */
export function Maintenance() {
  const { data, error, refetch } = useHealth();
  const canChange = useCanOperate();
  const [freed, setFreed] = useState<Freed | null>(null);
  const change = useChange(
    clean,
    (answer) => (answer && !answer.is_dry_run ? "Cleaned" : null),
    (answer) => {
      setFreed(answer ?? null);
      rereadHealth();
    },
  );
  const hasSomething = freed !== null && goneLines(freed).length > 0;
  return (
    <>
      {error ? <Failure of={error} again={refetch} /> : null}
      {data ? (
        <p>
          {bytes(data.storage.free_bytes)} free on the home's disk.{" "}
          {data.storage.is_low ? (
            <strong className="settings-problem">
              ⚠ Too little: no new work is taken until there is more. What runs goes on.
            </strong>
          ) : null}
        </p>
      ) : null}
      <p className="soft">Titan deletes expired data every hour. To check now:</p>
      {freed ? <Gone freed={freed} /> : null}
      {canChange ? (
        <div className="row">
          <Button busy={change.isPending} onClick={() => change.run(true)}>
            Show what would be deleted
          </Button>
          {freed?.is_dry_run && hasSomething ? (
            <Button kind="danger" busy={change.isPending} onClick={() => change.run(false)}>
              Delete now
            </Button>
          ) : null}
        </div>
      ) : (
        <p className="faint">Cleaning takes a token of the role admin.</p>
      )}
    </>
  );
}

function Gone({ freed }: { freed: Freed }) {
  const lines = goneLines(freed);
  return (
    <div role="status" className="settings-gone">
      {lines.length === 0 ? (
        <p>{freed.is_dry_run ? "Nothing has expired." : "Nothing had expired."}</p>
      ) : (
        <>
          <p>{freed.is_dry_run ? "Would be deleted, at least:" : "Deleted:"}</p>
          <ul>
            {lines.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </>
      )}
      {freed.database_unused_bytes > 0 ? (
        <p className="faint">
          {bytes(freed.database_unused_bytes)} are free inside the database's file; it fills them again before it grows.
        </p>
      ) : null}
    </div>
  );
}
