import { rate } from "../../parts/rate";

const NUMBER = new Intl.NumberFormat("en-US");
const ENOUGH = 20; // attempts: with fewer one more failure moves the rate by over 5 %

/** A success rate; of few attempts it says of how many, so that 1 of 1 is not read as 100 %. */
export function SuccessRate({ success, attempts }: { success: number; attempts: number }) {
  const words = `${NUMBER.format(success)} of ${NUMBER.format(attempts)}`;
  if (attempts === 0) return <span title="No action has ended yet">{rate(null)}</span>;
  if (attempts < ENOUGH) return <span title="Too few attempts to speak of a rate">{words}</span>;
  return <span title={`${words} attempts`}>{rate(success / attempts)}</span>;
}
