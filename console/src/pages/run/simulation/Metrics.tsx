import type { ReactNode } from "react";
import type { Replay, ReplayMetrics } from "../../../api/replays";
import { NOTHING } from "../../../parts/format";
import { exactMoney, money } from "../../../parts/money";
import { rate } from "../../../parts/rate";

const WHOLE = new Intl.NumberFormat("en-US");

/** What a replay came to: cost, savings, divergences, match rate. */
export function Metrics({ of, level }: { of: ReplayMetrics; level: Replay["level"] }) {
  const isCheck = level === "self_check";
  return (
    <>
      <dl className="simulation-metrics">
        <Tile name="Original cost">
          <Usd of={of.original_cost_usd} />
        </Tile>
        <Tile name="Replay cost">
          <Usd of={isCheck ? (of.is_available ? "0" : null) : of.replay_cost_usd} />
        </Tile>
        <Tile name="Savings">
          <Usd of={isCheck ? (of.is_available ? of.original_cost_usd : null) : of.savings_usd} />
        </Tile>
        {isCheck ? (
          <Tile name="Replayable calls">
            {WHOLE.format(of.replayable ?? 0)} of {WHOLE.format(of.calls ?? 0)}
          </Tile>
        ) : (
          <>
            <Tile name="Divergences" tone={of.divergences ? "bad" : "good"}>
              {of.divergences === null || of.divergences === undefined ? NOTHING : WHOLE.format(of.divergences)}
            </Tile>
            <Tile name="Match rate" tone={of.match_rate === 1 ? "good" : undefined}>
              {rate(of.match_rate)}
            </Tile>
          </>
        )}
      </dl>
      {of.uncompared ? (
        <p className="soft">
          {WHOLE.format(of.uncompared)} of {WHOLE.format(of.calls ?? 0)} calls match by name alone: one run has no
          inputs or outputs of them.
        </p>
      ) : null}
    </>
  );
}

function Tile({ name, tone, children }: { name: string; tone?: "good" | "bad" | undefined; children: ReactNode }) {
  return (
    <div className="card" data-tone={tone}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Usd({ of }: { of: string | null | undefined }) {
  return <span title={exactMoney(of)}>{money(of)}</span>;
}
