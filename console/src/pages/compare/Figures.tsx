import type { ReactNode } from "react";
import { Link } from "react-router";
import type { RunView } from "../../api/recorded";
import { Button } from "../../parts/Button";
import { Spent } from "../../parts/Cost";
import { duration, NOTHING } from "../../parts/format";
import { approximately, money, type Sum } from "../../parts/money";
import { Name } from "../../parts/Name";
import { RunBadge } from "../../parts/RunBadge";
import { rate } from "../../parts/rate";
import { Time, Took } from "../../parts/Time";
import { agentPath, runPath } from "../../parts/url";
import { whyEnded } from "../../parts/whyEnded";

const NUMBER = new Intl.NumberFormat("en-US");

interface Props {
  a: RunView;
  b: RunView;
  onSwap: () => void;
}

/** The figures of two runs side by side, and what B has more or less. */
export function Figures({ a, b, onSwap }: Props) {
  return (
    <div className="card compare-figures">
      <table>
        <thead>
          <tr>
            <th scope="col">
              <Button kind="quiet" onClick={onSwap}>
                Swap
              </Button>
            </th>
            <RunHead run={a} word="A" />
            <RunHead run={b} word="B" />
            <th scope="col" className="num">
              B against A
            </th>
          </tr>
        </thead>
        <tbody>
          <Row name="Status" a={<RunBadge run={a} />} b={<RunBadge run={b} />} />
          {whyEnded(a) || whyEnded(b) ? <Row name="Reason" a={<Why of={a} />} b={<Why of={b} />} /> : null}
          <Row name="Agent" a={<Agent of={a} />} b={<Agent of={b} />} />
          <Row name="Started" a={<Time at={a.started_at} />} b={<Time at={b.started_at} />} />
          <Row
            name="Duration"
            a={<Took from={a.started_at} to={a.ended_at} />}
            b={<Took from={b.started_at} to={b.ended_at} />}
            more={signed(difference(a.duration_ms, b.duration_ms), duration)}
          />
          <Row
            name="Actions"
            a={NUMBER.format(a.tally.calls - a.tally.replayed)}
            b={NUMBER.format(b.tally.calls - b.tally.replayed)}
            more={signed(b.tally.calls - b.tally.replayed - a.tally.calls + a.tally.replayed, NUMBER.format)}
          />
          <Row name="Cost" a={<Spent of={a.tally} />} b={<Spent of={b.tally} />} more={moreSpent(a.tally, b.tally)} />
          <Row
            name="Success rate"
            a={rate(a.tally.success_rate)}
            b={rate(b.tally.success_rate)}
            more={signed(difference(a.tally.success_rate, b.tally.success_rate), pointsOf)}
          />
          <Row
            name="Tokens"
            a={NUMBER.format(a.tally.input_tokens + a.tally.output_tokens)}
            b={NUMBER.format(b.tally.input_tokens + b.tally.output_tokens)}
            more={signed(
              b.tally.input_tokens + b.tally.output_tokens - a.tally.input_tokens - a.tally.output_tokens,
              NUMBER.format,
            )}
          />
        </tbody>
      </table>
    </div>
  );
}

function RunHead({ run, word }: { run: RunView; word: string }) {
  return (
    <th scope="col">
      <div className="compare-head cut">
        <span className="compare-word">{word}</span>
        <Link to={runPath(run.run_id)} className="cut" title={run.run_id}>
          <Name of={run.run_id} />
        </Link>
      </div>
    </th>
  );
}

function Why({ of }: { of: RunView }) {
  const why = whyEnded(of);
  if (why === null) return <span className="faint">{NOTHING}</span>;
  return (
    <span className="compare-why" dir="auto">
      {why}
    </span>
  );
}

function Agent({ of }: { of: RunView }) {
  return (
    <Link to={agentPath(of.agent_id)} className="cut compare-agent" title={of.agent_id}>
      <Name of={of.agent_id} />
    </Link>
  );
}

function Row({ name, a, b, more }: { name: string; a: ReactNode; b: ReactNode; more?: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{a}</td>
      <td>{b}</td>
      <td className="num">{more ?? ""}</td>
    </tr>
  );
}

/** Returns what B spent more or less than A; `≈` where some of either was computed. */
function moreSpent(a: Sum, b: Sum): string {
  if (a.unpriced + b.unpriced > 0) return NOTHING;
  const more = Number((Number(b.cost_usd) - Number(a.cost_usd)).toFixed(12)); // the places that a cost has
  return approximately(signed(more, money), more !== 0 && a.estimated + b.estimated > 0);
}

function difference(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : b - a;
}

/** Returns `23.3 points`: of a hundred, as what stands beside it. */
function pointsOf(share: number): string {
  return `${(share * 100).toFixed(1)} points`;
}

/** Returns `+3`, `−3`, `same`; "–" for what is not known. */
function signed(amount: number | null, words: (amount: number) => string): string {
  if (amount === null) return NOTHING;
  if (amount === 0) return "same";
  return `${amount > 0 ? "+" : "−"}${words(Math.abs(amount))}`;
}
