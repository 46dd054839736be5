import "./cost.css";
import { NOTHING } from "./format";
import { exactMoney, isNoMoney, money } from "./money";

/** A cost; every digit of it when the pointer rests on it, and `≈` before one that was computed from tokens. */
export function Cost({ usd, isEstimated = false }: { usd: string | null | undefined; isEstimated?: boolean }) {
  if (usd === null || usd === undefined) return <span className="faint">{NOTHING}</span>;
  const exact = exactMoney(usd);
  return (
    <span className="cost" title={isEstimated ? `${exact}, computed from tokens and a price list` : exact}>
      {isEstimated ? "≈ " : null}
      {money(usd)}
    </span>
  );
}

interface Costs {
  cost_usd: string;
  attempted_cost_usd: string;
  prevented_cost_usd: string;
  saved_cost_usd: string;
}

/**
 * What was spent, and beside it, where they differ from it, what was attempted, prevented and saved by replaying. A brief one
 * leaves out what was attempted, which is the sum of spent and prevented; the pointer brings it.
 */
export function Costs({ of, isBrief = false }: { of: Costs; isBrief?: boolean }) {
  const others = [
    isBrief || isNoMoney(of.prevented_cost_usd) ? null : `${money(of.attempted_cost_usd)} attempted`,
    isNoMoney(of.prevented_cost_usd) ? null : `${money(of.prevented_cost_usd)} prevented`,
    isNoMoney(of.saved_cost_usd) ? null : `${money(of.saved_cost_usd)} saved`,
  ].filter((words) => words !== null);
  return (
    <span className="costs" title={costWords(of)}>
      <span className="cost">{money(of.cost_usd)}</span>
      {others.length > 0 ? <span className="costs-others faint">{others.join(" · ")}</span> : null}
    </span>
  );
}

function costWords(of: Costs): string {
  return [
    `Spent ${exactMoney(of.cost_usd)}`,
    `Attempted ${exactMoney(of.attempted_cost_usd)}, with what was stopped`,
    `Prevented ${exactMoney(of.prevented_cost_usd)}: of calls that were blocked or rejected`,
    `Saved ${exactMoney(of.saved_cost_usd)}: of calls answered from a recording`,
  ].join("\n");
}
