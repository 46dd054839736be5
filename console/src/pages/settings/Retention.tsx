import { CopyButton } from "../../parts/CopyButton";
import { Known } from "./Known";
import { Rules } from "./Rules";
import { howToChange } from "./rules";

/** The retention periods, and how to change them. */
export function Retention() {
  return (
    <>
      <p className="soft">Titan deletes expired runs every hour. Running work and pinned runs are kept.</p>
      <Known>
        {({ retention }) => (
          <>
            <Rules rules={retention} label="What is kept how long" />
            {retention[0] ? <Change command={howToChange(retention[0])} /> : null}
          </>
        )}
      </Known>
    </>
  );
}

function Change({ command }: { command: string }) {
  return (
    <>
      <p className="soft">Each is an environment variable where the server starts; 0 is for ever:</p>
      <div className="settings-command">
        <code>{command}</code>
        <CopyButton text={command} />
      </div>
    </>
  );
}
