import type { Outcome } from "../api/types";
import { count, NOTHING } from "./format";
import { approximately, exactMoney, isNoMoney, knownCost, money, type Sum, sum, whyNotSpent } from "./money";

const WHOLE = new Intl.NumberFormat("en-US");

interface CostProps {
  usd: string | null | undefined;
  isEstimated?: boolean;
  /** The call's outcome decides whether its cost was spent. */
  outcome?: Outcome | null;
}

/**
 * A call's cost with all digits in the tooltip; `≈` marks an estimate from tokens, a faint text a cost that was not
 * spent.
 */
export function Cost({ usd, isEstimated = false, outcome = null }: CostProps) {
  if (usd === null || usd === undefined) return <span className="faint">{NOTHING}</span>;
  const unspent = whyNotSpent(outcome);
  const words = [exactMoney(usd), isEstimated ? "computed from tokens and a price list" : null, unspent];
  return (
    <span className={unspent ? "cost faint" : "cost"} title={words.filter(Boolean).join(", ")}>
      {approximately(money(usd), isEstimated)}
    </span>
  );
}

/** A total with `≈` for estimates and the number of calls without a known cost. */
export function SpentCost({ of }: { of: Sum }) {
  const usd = knownCost(of);
  if (usd === null) {
    return (
      <span className="spent" title={spentWords(of)}>
        <span className="cost faint">{sum(of)}</span>
      </span>
    );
  }
  return (
    <span className="spent" title={spentWords(of)}>
      <span className="cost">{approximately(money(usd), of.estimated > 0)}</span>
      {of.unpriced > 0 ? <span className="cost faint"> + {WHOLE.format(of.unpriced)} unpriced</span> : null}
    </span>
  );
}

interface CostBreakdown extends Sum {
  attempted_cost_usd: string;
  prevented_cost_usd: string;
  saved_cost_usd: string;
}

interface CostsProps {
  of: CostBreakdown;
  isBrief?: boolean;
}

/**
 * The spent cost and, where they differ, the attempted, prevented and saved cost. The brief form has a line for each
 * and leaves out the attempted cost, which the tooltip has.
 */
export function CostBreakdown({ of, isBrief = false }: CostsProps) {
  const others = [
    isBrief || isNoMoney(of.prevented_cost_usd) || knownCost(of) === null
      ? null
      : `${money(of.attempted_cost_usd)} attempted`,
    isNoMoney(of.prevented_cost_usd) ? null : `${money(of.prevented_cost_usd)} prevented`,
    isNoMoney(of.saved_cost_usd) ? null : `${money(of.saved_cost_usd)} saved`,
  ].filter((words) => words !== null);
  return (
    <span className="costs" title={costWords(of)}>
      <SpentCost of={of} />
      {others.length > 0 ? (
        <span className="costs-others faint">
          {isBrief ? others.map((words) => <span key={words}>{words}</span>) : others.join(" · ")}
        </span>
      ) : null}
    </span>
  );
}

function spentWords(of: Sum): string {
  return [
    `Spent ${exactMoney(knownCost(of))}`,
    of.estimated > 0 ? `; of ${count(of.estimated, "model call")} computed from tokens and a price list` : "",
    of.unpriced > 0 ? `; the cost of ${count(of.unpriced, "model call")} is not known` : "",
  ].join("");
}

function costWords(of: CostBreakdown): string {
  return [
    spentWords(of),
    `Attempted ${exactMoney(of.attempted_cost_usd)}, including blocked actions`,
    `Prevented ${exactMoney(of.prevented_cost_usd)}: of actions that were blocked or rejected`,
    `Saved ${exactMoney(of.saved_cost_usd)}: of actions answered from a recording`,
  ].join("\n");
}
