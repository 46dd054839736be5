import type { NewToken } from "../../api/house";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { Dialog } from "../../parts/Dialog";

/** Shows a new token, this once: when the dialog goes, the page forgets it. */
export function OnceDialog({ made, onClose }: { made: NewToken; onClose: () => void }) {
  return (
    <Dialog
      title={`The token ${made.name}`}
      onClose={onClose}
      sticky
      footer={
        <Button kind="main" onClick={onClose}>
          I have copied it
        </Button>
      }
    >
      <p className="settings-warning">
        ⚠ It is shown this once. Copy it now: Titan keeps no copy, and nobody can show it again.
      </p>
      <div className="settings-secret">
        <code data-token="">{made.token}</code>
        <CopyButton text={made.token} />
      </div>
      <p className="soft">
        A program shows it as <code>TITAN_TOKEN</code>, a person signs in with it here.
      </p>
    </Dialog>
  );
}
