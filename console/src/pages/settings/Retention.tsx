import { CopyButton } from "../../parts/CopyButton";
import { Known } from "./Known";
import { Rules } from "./Rules";
import { howToChange } from "./rules";

/** What is kept how long, and how to have it otherwise. */
export function Retention() {
  return (
    <>
      <p className="soft">
        What is old goes by itself, an hour later at most; what is not over never goes, nor does a pinned run.
      </p>
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
