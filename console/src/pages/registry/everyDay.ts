import type { TrendDay } from "../../api/recorded";

const DAY_MS = 24 * 60 * 60 * 1000;
export const SHOWN_DAYS = 30;
const NO_RUN = {
  runs: 0,
  failed: 0,
  attempts: 0,
  success: 0,
  cost_usd: "0",
  unpriced: 0,
  estimated: 0,
  determinism: null,
};

/** Returns the last 30 days in UTC up to the one of `now`; a day the server does not tell of had no run. */
export function everyDay(told: readonly TrendDay[], now: number): TrendDay[] {
  const known = new Map(told.map((day) => [day.day, day]));
  return Array.from({ length: SHOWN_DAYS }, (_, at) => {
    const day = new Date(now - (SHOWN_DAYS - 1 - at) * DAY_MS).toISOString().slice(0, 10);
    return known.get(day) ?? { day, ...NO_RUN };
  });
}
