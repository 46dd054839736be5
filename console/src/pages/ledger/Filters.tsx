import type { LedgerFilter } from "../../api/ledgerFilter";
import { CALL_KINDS, LEDGER_OUTCOMES } from "../../api/recorded";
import { AgentField } from "../../parts/AgentField";
import { CostField } from "../../parts/CostField";
import { StatusFilter } from "../../parts/StatusFilter";
import { TextField } from "../../parts/TextField";
import { type Change, toggledIn } from "../../parts/url";
import { KINDS } from "../run/runPage";

interface Props {
  filter: LedgerFilter;
  onChange: (changed: Change<LedgerFilter>) => void;
}

/** Every filter of the ledger. */
export function Filters({ filter, onChange }: Props) {
  return (
    <search className="row" aria-label="Filters">
      <StatusFilter
        label="Outcome"
        all={LEDGER_OUTCOMES}
        chosen={filter.outcome}
        onToggle={(one) => onChange((now) => ({ outcome: toggledIn(now.outcome, one) }))}
      />
      <fieldset className="chips plain-fieldset">
        <legend className="unseen">Kind</legend>
        {CALL_KINDS.map((kind) => (
          <button
            key={kind}
            type="button"
            className="chip"
            aria-pressed={filter.kind.includes(kind)}
            onClick={() => onChange((now) => ({ kind: toggledIn(now.kind, kind) }))}
          >
            {KINDS[kind].word}
          </button>
        ))}
      </fieldset>
      <TextField label="Action" value={filter.name} onChange={(name) => onChange({ name })} />
      <AgentField value={filter.agent} onChange={(agent) => onChange({ agent })} />
      <TextField label="Run" value={filter.run} onChange={(run) => onChange({ run })} />
      <div className="ledger-costs">
        <CostField label="Min cost" value={filter.minCost} onChange={(minCost) => onChange({ minCost })} />
        <CostField label="Max cost" value={filter.maxCost} onChange={(maxCost) => onChange({ maxCost })} />
      </div>
      <div className="ledger-days">
        <DayField label="From" value={filter.from} max={filter.to} onChange={(from) => onChange({ from })} />
        <DayField label="To" value={filter.to} min={filter.from} onChange={(to) => onChange({ to })} />
      </div>
    </search>
  );
}

interface DayProps {
  label: string;
  value: string;
  min?: string;
  max?: string;
  onChange: (day: string) => void;
}

function DayField({ label, value, min, max, onChange }: DayProps) {
  return (
    <label className="ledger-day">
      <span className="soft">{label}</span>
      <input
        type="date"
        className="field"
        value={value}
        min={min || undefined}
        max={max || undefined}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}
