/** US dollars as a person reads them, from the exact texts the server sends. What is unknown is "–", never $0. */
import type { Outcome } from "../api/types";
import { NOTHING } from "./format";

const WHOLE = new Intl.NumberFormat("en-US");
const LEAST = -2; // the place of the first digit that counts, from which two places show a cost: below a cent they show none
const COARSE = -1; // below it two places would leave one digit that counts
const DIGITS = 3; // of a cost below a cent
const LAST = -6; // the last place of a first digit: a cost below a millionth would not fit its cell
const TINY = "< $0.000001";

/**
 * Returns `$1,204.50`, `$0.016`, `$0.00312`, `$0`: two places, below ten cents up to three, below a cent three digits that
 * count, `< $0.000001` below a millionth. It rounds half up from the text, as the command line does: a binary float would make 0.002375 a little less.
 */
export function money(usd: string | number | null | undefined): string {
  const amount = decimalOf(typeof usd === "number" ? String(usd) : usd);
  if (amount === null) return NOTHING;
  if (amount.units === 0n) return "$0";
  const first = String(amount.units).length - 1 - amount.places;
  if (first < LAST) return TINY;
  if (first >= COARSE) return `$${rounded(amount, 2)}`;
  const [whole, part = ""] = rounded(amount, first >= LEAST ? DIGITS : DIGITS - 1 - first).split(".");
  return `$${whole}.${part.slice(0, 2)}${part.slice(2).replace(/0+$/, "")}`;
}

/** Returns the whole amount, to its last digit: `$0.003123400000` is `$0.0031234`. */
export function exactMoney(usd: string | null | undefined): string {
  if (usd === null || usd === undefined) return NOTHING;
  const text = /e/i.test(usd) ? plain(usd) : usd;
  return `$${text.includes(".") ? text.replace(/\.?0+$/, "") : text}`;
}

/** Returns why the cost of a call that ended so was not spent; null where it was, or will be. */
export function whyNotSpent(outcome: Outcome | null): string | null {
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
export function knownCost({ cost_usd, unpriced, calls = 1 }: Omit<Sum, "estimated">): string | null {
  return isNoMoney(cost_usd) && (unpriced > 0 || calls === 0) ? null : cost_usd;
}

/** Returns a sum in words: `$0.12`, `≈ $0.12 + 3 unpriced`, `3 unpriced`, `–`. */
export function sum(of: Sum): string {
  const usd = knownCost(of);
  if (usd === null && of.unpriced > 0) return `${WHOLE.format(of.unpriced)} unpriced`;
  const amount = approximately(money(usd), usd !== null && of.estimated > 0);
  return usd !== null && of.unpriced > 0 ? `${amount} + ${WHOLE.format(of.unpriced)} unpriced` : amount;
}

/** Returns an amount with `≈` before it where it was computed from tokens and a price list; a bound has none. */
export function approximately(amount: string, isEstimated: boolean): string {
  return isEstimated && amount !== TINY ? `≈ ${amount}` : amount;
}

export function isNoMoney(usd: string | null | undefined): boolean {
  return !usd || Number(usd) === 0;
}

/** An amount as `units` of the last of its decimal places. */
interface Decimal {
  units: bigint;
  places: number;
}

/** Returns the amount that a text says, with an exponent or without; null for what is none. */
function decimalOf(text: string | null | undefined): Decimal | null {
  const [, whole = "", part = "", exponent = "0"] = /^(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text ?? "") ?? [];
  if (whole === "") return null;
  const places = part.length - Number(exponent);
  const units = BigInt(whole + part);
  return places < 0 ? { units: units * 10n ** BigInt(-places), places: 0 } : { units, places };
}

/** Returns an amount with so many places, half up, and its thousands grouped. */
function rounded({ units, places }: Decimal, wanted: number): string {
  const step = 10n ** BigInt(Math.max(0, places - wanted));
  const kept = ((units + step / 2n) / step) * 10n ** BigInt(Math.max(0, wanted - places));
  const one = 10n ** BigInt(wanted);
  return `${WHOLE.format(kept / one)}.${String(kept % one).padStart(wanted, "0")}`;
}

/** Returns an amount without exponent, each digit of it. */
function plain(text: string): string {
  const amount = decimalOf(text);
  if (amount === null) return text;
  const digits = String(amount.units).padStart(amount.places + 1, "0");
  const at = digits.length - amount.places;
  return amount.places > 0 ? `${digits.slice(0, at)}.${digits.slice(at)}` : digits;
}
