import { CopyButton } from "../../parts/CopyButton";
import { Known } from "./Known";

const COMMAND = "TITAN_NOTIFY=https://example.com/hook,https://hooks.slack.com/services/T000/B000/XXXX titan up";

/** Who is told while nobody looks. */
export function Notifications() {
  return (
    <>
      <p className="soft">
        Told are: a gate that opens, a run or DAG that failed, a job that no worker takes for half a minute.
      </p>
      <Known>
        {({ notifications }) =>
          notifications.length === 0 ? (
            <>
              <p>Nobody is told yet. Give the server addresses, with commas between them:</p>
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
