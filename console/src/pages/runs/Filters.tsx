import { RUN_STATUSES } from "../../api/facts";
import { WINDOWS } from "../../api/recorded";
import type { RegistryFilter } from "../../api/registryFilter";
import { AgentField } from "../../parts/AgentField";
import { Choices } from "../../parts/Choices";
import { CostField } from "../../parts/CostField";
import { ScoreField } from "../../parts/ScoreField";
import { StatusFilter } from "../../parts/StatusFilter";
import { TextField } from "../../parts/TextField";
import { type Change, toggledIn } from "../../parts/url";
import { windowWord } from "../../parts/windows";

interface Props {
  filter: RegistryFilter;
  onChange: (changed: Change<RegistryFilter>) => void;
}

/** Every filter of the registry. */
export function Filters({ filter, onChange }: Props) {
  return (
    <search className="row" aria-label="Filters">
      <StatusFilter
        all={RUN_STATUSES}
        chosen={filter.status}
        onToggle={(one) => onChange((now) => ({ status: toggledIn(now.status, one) }))}
      />
      <Choices
        label="When it started"
        all={WINDOWS}
        chosen={filter.window}
        wordOf={windowWord}
        onChange={(window) => onChange({ window })}
      />
      <AgentField value={filter.agent} onChange={(agent) => onChange({ agent })} />
      <CostField label="Min cost" value={filter.minCost} onChange={(minCost) => onChange({ minCost })} />
      <ScoreField value={filter.determinismBelow} onChange={(determinismBelow) => onChange({ determinismBelow })} />
      <TextField label="Session" value={filter.session} onChange={(session) => onChange({ session })} />
      <TextField label="Tag" value={filter.tag} onChange={(tag) => onChange({ tag })} />
      <button
        type="button"
        className="chip"
        aria-pressed={filter.hasArchived}
        onClick={() => onChange({ hasArchived: !filter.hasArchived })}
      >
        Archived too
      </button>
    </search>
  );
}
