import { Refusal } from "../api/refusal";
import { Button } from "./Button";
import "./failure.css";

/** What stands where something could not be read: why, in the server's words, and a way to try again. */
export function Failure({ of, again }: { of: unknown; again?: () => unknown }) {
  const text = of instanceof Error ? of.message : String(of);
  const isForbidden = of instanceof Refusal && of.status === 403;
  return (
    <div className="failure card" role={isForbidden ? undefined : "alert"} data-forbidden={isForbidden || undefined}>
      <span>
        {isForbidden ? <span aria-hidden="true">⊘ </span> : <span aria-hidden="true">⚠ </span>}
        {text}
      </span>
      {again && !isForbidden ? <Button onClick={() => void again()}>Try again</Button> : null}
    </div>
  );
}
