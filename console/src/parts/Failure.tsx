import { Refusal } from "../api/client";
import { Button } from "./Button";
import "./empty.css";

/** What stands where something could not be read: why, what to do, and a button that tries again. */
export function Failure({ error, onRetry }: { error: unknown; onRetry: () => unknown }) {
  const text = error instanceof Error ? error.message : String(error);
  const advice = error instanceof Refusal ? error.problem.next_step : "It is tried again when the server is back.";
  return (
    <div className="empty" role="alert">
      <h2>This could not be read</h2>
      <p className="soft">{text}</p>
      {advice && !text.includes(advice) ? <p className="soft">{advice}</p> : null}
      <Button onClick={() => void onRetry()}>Try again</Button>
    </div>
  );
}
