import { CopyButton } from "../../parts/CopyButton";
import { Known } from "./Known";

const COMMAND = "TITAN_NOTIFY=https://example.com/hook,https://hooks.slack.com/services/T000/B000/XXXX titan up";

/** The addresses that are notified. */
export function Notifications() {
  return (
    <>
      <p className="soft">
        Titan notifies when a gate opens, a run or DAG fails, or no worker takes a job for half a minute.
      </p>
      <Known>
        {({ notifications }) =>
          notifications.length === 0 ? (
            <>
              <p>No addresses yet. Give the server some, separated by commas:</p>
              <div className="settings-command">
                <code>{COMMAND}</code>
                <CopyButton text={COMMAND} />
              </div>
            </>
          ) : (
            <>
              <ul className="settings-list mono">
                {notifications.map((address, index) => (
                  <li key={`${index} ${address}`}>{address}</li>
                ))}
              </ul>
              <p className="soft">
                Shortened: the rest may be a secret. They are set by <code>TITAN_NOTIFY</code> where the server starts.
              </p>
            </>
          )
        }
      </Known>
    </>
  );
}
