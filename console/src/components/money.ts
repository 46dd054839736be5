/** US dollars as text, from the server's exact decimals. Unknown is "–", never $0. */
import type { Outcome } from "../api/types";
import { NOTHING } from "./format";

const WHOLE = new Intl.NumberFormat("en-US");
const LEAST = -2; // place of the first significant digit from which two decimals suffice
const COARSE = -1; // below it two decimals would leave one significant digit
const DIGITS = 3; // significant digits below a cent
const LAST = -6; // smaller costs would not fit their cell
const TINY = "< $0.000001";
const TOO_LARGE = "too large";
const MOST_USD = 9_223_372n; // a total of the server's goes no further: 64 bits of picodollars

/**
 * Returns `$1,204.50`, `$0.016`, `$0.00312` or `$0`: two decimals, below ten cents up to three, below a cent three
 * significant digits, `< $0.000001` below a millionth. Rounds half up on the decimal text, like the command line: a
 * binary float would make 0.002375 a little less.
 */
export function money(usd: string | number | null | undefined): string {
  const amount = decimalOf(typeof usd === "number" ? String(usd) : usd);
  if (amount === null) return NOTHING;
  if (isTooLarge(amount)) return TOO_LARGE;
  if (amount.units === 0n) return "$0";
  const first = String(amount.units).length - 1 - amount.places;
  if (first < LAST) return TINY;
  if (first >= COARSE) return `$${rounded(amount, 2)}`;
  const [whole, part = ""] = rounded(amount, first >= LEAST ? DIGITS : DIGITS - 1 - first).split(".");
  return `$${whole}.${part.slice(0, 2)}${part.slice(2).replace(/0+$/, "")}`;
}

/** Returns the exact amount: `$0.003123400000` is `$0.0031234`. */
export function exactMoney(usd: string | null | undefined): string {
  if (usd === null || usd === undefined) return NOTHING;
  const amount = decimalOf(usd);
  if (amount !== null && isTooLarge(amount)) return TOO_LARGE;
  const text = /e/i.test(usd) ? plain(usd) : usd;
  return `$${text.includes(".") ? text.replace(/\.?0+$/, "") : text}`;
}

/** Returns why the cost of a call with this outcome was not spent; null where it was, or will be. */
export function whyNotSpent(outcome: Outcome | null): string | null {
  if (outcome === "blocked" || outcome === "rejected") return `not spent: the action was ${outcome}`;
  return outcome === "replayed" || outcome === "idempotent_replay" ? "not spent: answered from a recording" : null;
}

/** A total with the number of model calls without a known cost, and of estimated ones. */
export interface Sum {
  cost_usd: string;
  unpriced: number;
  estimated: number;
  /** The number of recorded calls. */
  calls?: number;
}

/** Returns the known total; null without calls, or with only calls of unknown cost. */
export function knownCost({ cost_usd, unpriced, calls = 1 }: Omit<Sum, "estimated">): string | null {
  return isNoMoney(cost_usd) && (unpriced > 0 || calls === 0) ? null : cost_usd;
}

/** Returns a total as text: `$0.12`, `≈ $0.12 + 3 unpriced`, `3 unpriced`, `–`. */
export function sum(of: Sum): string {
  const usd = knownCost(of);
  if (usd === null && of.unpriced > 0) return `${WHOLE.format(of.unpriced)} unpriced`;
  const amount = approximately(money(usd), usd !== null && of.estimated > 0);
  return usd !== null && of.unpriced > 0 ? `${amount} + ${WHOLE.format(of.unpriced)} unpriced` : amount;
}

/** Returns an amount marked with `≈` where it was estimated from tokens; a bound is not marked. */
export function approximately(amount: string, isEstimated: boolean): string {
  return isEstimated && amount !== TINY ? `≈ ${amount}` : amount;
}

export function isNoMoney(usd: string | null | undefined): boolean {
  return !usd || Number(usd) === 0;
}

function isTooLarge({ units, places }: Decimal): boolean {
  return units >= MOST_USD * 10n ** BigInt(places);
}

/** An amount as `units` of its last decimal place. */
interface Decimal {
  units: bigint;
  places: number;
}

/** Parses a decimal with or without exponent; null when invalid. */
function decimalOf(text: string | null | undefined): Decimal | null {
  const [, whole = "", part = "", exponent = "0"] = /^(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text ?? "") ?? [];
  if (whole === "") return null;
  const places = part.length - Number(exponent);
  const units = BigInt(whole + part);
  return places < 0 ? { units: units * 10n ** BigInt(-places), places: 0 } : { units, places };
}

/** Returns an amount with `wanted` decimals, rounded half up, with thousands separators. */
function rounded({ units, places }: Decimal, wanted: number): string {
  const step = 10n ** BigInt(Math.max(0, places - wanted));
  const kept = ((units + step / 2n) / step) * 10n ** BigInt(Math.max(0, wanted - places));
  const one = 10n ** BigInt(wanted);
  return `${WHOLE.format(kept / one)}.${String(kept % one).padStart(wanted, "0")}`;
}

/** Returns an amount without exponent, with all digits. */
function plain(text: string): string {
  const amount = decimalOf(text);
  if (amount === null) return text;
  const digits = String(amount.units).padStart(amount.places + 1, "0");
  const at = digits.length - amount.places;
  return amount.places > 0 ? `${digits.slice(0, at)}.${digits.slice(at)}` : digits;
}
