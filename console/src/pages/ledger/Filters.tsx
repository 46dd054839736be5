import type { LedgerFilter } from "../../api/ledger";
import { CALL_KINDS, LEDGER_OUTCOMES } from "../../api/recorded";
import { AgentField } from "../../parts/AgentField";
import { CostField } from "../../parts/CostField";
import { lookOf } from "../../parts/Status";
import { TextField } from "../../parts/TextField";

interface Props {
  filter: LedgerFilter;
  onChange: (changed: Partial<LedgerFilter>) => void;
}

/** Every filter of the ledger. */
export function Filters({ filter, onChange }: Props) {
  return (
    <search className="row" aria-label="Filters">
      <fieldset className="chips plain-fieldset">
        <legend className="unseen">Outcome</legend>
        {LEDGER_OUTCOMES.map((outcome) => {
          const { tone, glyph, word } = lookOf(outcome);
          const isChosen = filter.outcome === outcome;
          return (
            <button
              key={outcome}
              type="button"
              className={`chip tone-${tone}`}
              aria-pressed={isChosen}
              onClick={() => onChange({ outcome: isChosen ? "" : outcome })}
            >
              <span aria-hidden="true">{glyph}</span>
              {word}
            </button>
          );
        })}
      </fieldset>
      <select
        className="field"
        aria-label="Kind"
        value={filter.kind}
        onChange={(event) => onChange({ kind: event.target.value as LedgerFilter["kind"] })}
      >
        <option value="">All kinds</option>
        {CALL_KINDS.map((kind) => (
          <option key={kind} value={kind}>
            {kind}
          </option>
        ))}
      </select>
      <TextField label="Action" value={filter.name} onChange={(name) => onChange({ name })} />
      <AgentField value={filter.agent} onChange={(agent) => onChange({ agent })} />
      <TextField label="Run" value={filter.run} onChange={(run) => onChange({ run })} />
      <CostField label="Min cost" value={filter.minCost} onChange={(minCost) => onChange({ minCost })} />
      <CostField label="Max cost" value={filter.maxCost} onChange={(maxCost) => onChange({ maxCost })} />
      <DayField label="From" value={filter.from} max={filter.to} onChange={(from) => onChange({ from })} />
      <DayField label="To" value={filter.to} min={filter.from} onChange={(to) => onChange({ to })} />
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
