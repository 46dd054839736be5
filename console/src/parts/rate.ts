/** Shares as a person reads them. */
import { NOTHING } from "./format";

/** Returns `98.6 %`, `100 %`; never 100 % for less than all, nor 0 % for more than none; "–" without attempts. */
export function rate(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return NOTHING;
  if (share === 0 || share === 1) return `${share * 100} %`;
  const percent = Math.min(99.9, Math.max(0.1, share * 100));
  return `${percent.toFixed(1)} %`;
}
