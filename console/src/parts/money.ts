/** US dollars as a person reads them, from the exact texts the server sends. What is unknown is "–", never $0. */
import type { Outcome } from "../api/recorded";
import { NOTHING } from "./format";

const CENTS = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 3 });
const GROUPED = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const WHOLE = new Intl.NumberFormat("en-US");
const LEAST = 0.01; // below it two places would show a cost as none
const DIGITS = 3; // of a cost below that
const COARSE = 0.1; // below it two places would leave one digit that counts

/** Returns `$1,204.50`, `$0.016`, `$0.00312`, `$0`: two places, below ten cents up to three, below a cent three digits that count. */
export function money(usd: string | number | null | undefined): string {
  if (usd === null || usd === undefined) return NOTHING;
  const amount = Number(usd);
  if (Number.isNaN(amount)) return NOTHING;
  if (amount === 0) return "$0";
  if (amount >= LEAST && amount < COARSE) return `$${CENTS.format(amount)}`;
  if (amount >= LEAST) return `$${GROUPED.format(amount)}`;
  return `$${plain(amount.toPrecision(DIGITS))}`;
}

/** Returns the whole amount, to its last digit: `$0.003123400000` is `$0.0031234`. */
export function exactMoney(usd: string | null | undefined): string {
  if (usd === null || usd === undefined) return NOTHING;
  const text = /e/i.test(usd) ? plain(usd) : usd;
  return `$${text.includes(".") ? text.replace(/\.?0+$/, "") : text}`;
}

/** Returns why the cost of a call that ended so was not spent; null where it was, or will be. */
export function notSpent(outcome: Outcome | null): string | null {
  if (outcome === "blocked" || outcome === "rejected") return `not spent: the action was ${outcome}`;
  return outcome === "replayed" || outcome === "idempotent_replay" ? "not spent: answered from a recording" : null;
}

/** A sum of costs, how many model calls it lacks because nobody knows what they cost, and how many of it were computed. */
export interface Sum {
  cost_usd: string;
  unpriced: number;
  estimated: number;
  /** How many calls were recorded. */
  calls?: number;
}

/** Returns what is known of a sum; null when it has no call, or only calls without a known cost. */
export function known({ cost_usd, unpriced, calls = 1 }: Omit<Sum, "estimated">): string | null {
  return isNoMoney(cost_usd) && (unpriced > 0 || calls === 0) ? null : cost_usd;
}

/** Returns a sum in words: `$0.12`, `≈ $0.12 + 3 unpriced`, `3 unpriced`, `–`. */
export function sum(of: Sum): string {
  const usd = known(of);
  if (usd === null && of.unpriced > 0) return `${WHOLE.format(of.unpriced)} unpriced`;
  const amount = approximately(money(usd), usd !== null && of.estimated > 0);
  return usd !== null && of.unpriced > 0 ? `${amount} + ${WHOLE.format(of.unpriced)} unpriced` : amount;
}

/** Returns an amount with `≈` before it where it was computed from tokens and a price list. */
export function approximately(amount: string, isEstimated: boolean): string {
  return isEstimated ? `≈ ${amount}` : amount;
}

export function isNoMoney(usd: string | null | undefined): boolean {
  return !usd || Number(usd) === 0;
}

/** Returns a number without exponent, and without zeros at its end. */
function plain(text: string): string {
  const places = new Intl.NumberFormat("en-US", { useGrouping: false, maximumFractionDigits: 20 });
  return places.format(Number(text));
}
