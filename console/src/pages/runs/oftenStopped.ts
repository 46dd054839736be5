/** What makes a run a critical intercept, in words. */
import type { InterceptThresholds } from "../../api/recorded";
import { percent } from "../../parts/format";

/** Returns from where on a run counts as often stopped. */
export function oftenStopped({ least, rate, times }: InterceptThresholds): string {
  const alone = `Unrecovered errors, or often stopped: ${least} or more, and ${percent(rate)} or more of its actions`;
  return times ? `${alone} or over ${times} times its agent’s own rate` : alone;
}
