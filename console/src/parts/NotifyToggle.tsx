import { Button } from "./Button";
import { type Notifying, setNotifying, useNotifying } from "./notify";

const WHY: Record<Notifying, string> = {
  on: "This browser tells when a run you have open ends and you look elsewhere. Click to switch it off.",
  off: "Have this browser tell when a run you have open ends and you look elsewhere.",
  denied: "This browser blocks notifications of this page. Allow them beside its address first.",
  impossible: "Browsers notify over https and from this machine only.",
};

/** Switches the browser's own notifications on or off; the first time the browser asks. */
export function NotifyToggle() {
  const state = useNotifying();
  const isPossible = state === "on" || state === "off";
  return (
    <Button
      kind="quiet"
      aria-pressed={state === "on"}
      disabled={!isPossible}
      title={WHY[state]}
      onClick={() => void setNotifying(state !== "on")}
    >
      <span aria-hidden="true">{state === "on" ? "◉" : "○"}</span> Notify me
    </Button>
  );
}
