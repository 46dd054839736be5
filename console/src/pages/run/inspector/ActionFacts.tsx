import { type ReactNode, useMemo } from "react";
import type { RunView } from "../../../api/recorded";
import type { ActionDetailView } from "../../../api/recordedRun";
import { momentOf, type Row } from "../../../api/recording";
import { CopyButton } from "../../../parts/CopyButton";
import { Cost } from "../../../parts/Cost";
import { day, NOTHING } from "../../../parts/format";
import { bothTimes, clockTime, exactLength, KINDS, lengthWords } from "../runPage";

interface Props {
  run: RunView;
  row: Row;
  rows: readonly Row[];
  detail: ActionDetailView;
  onChoose: (id: string) => void;
}

const WHOLE = new Intl.NumberFormat("en-US");

/** An action's metadata. What does not apply has no line; what is not known is a dash. */
export function ActionFacts({ run, row, rows, detail, onChoose }: Props) {
  const { action } = detail;
  const parent = useMemo(() => rows.find((one) => one.number === row.parent), [rows, row.parent]);
  const started = momentOf(run, row.startUs);
  return (
    <dl className="run-metadata" aria-label="Metadata">
      <Fact name="UUID">
        <code className="whole">{row.id}</code>
        <CopyButton text={row.id} />
      </Fact>
      <Fact name="Kind">{KINDS[row.kind].word}</Fact>
      <Fact name="Started">
        <time dateTime={action.started_at} title={bothTimes(started)}>
          {day(started)} {clockTime(started)}
        </time>
      </Fact>
      <Fact name="Took">
        {row.durationUs === null ? (
          openWords(run)
        ) : (
          <span title={exactLength(row.durationUs)}>{lengthWords(row.durationUs)}</span>
        )}
      </Fact>
      <Fact name="Cost">
        <Cost usd={action.cost_usd} isEstimated={action.is_cost_estimated} outcome={action.outcome} />
      </Fact>
      {action.model ? (
        <Fact name="Model">
          <bdi>{action.model}</bdi>
          {action.provider ? <span className="faint">{action.provider}</span> : null}
        </Fact>
      ) : null}
      {action.input_tokens !== null || action.output_tokens !== null ? (
        <Fact name="Tokens">{tokenWords(detail)}</Fact>
      ) : null}
      {action.actor ? (
        <Fact name="By">
          <bdi>{action.actor}</bdi>
        </Fact>
      ) : null}
      {parent ? (
        <Fact name="Within">
          <button type="button" className="run-link" onClick={() => onChoose(parent.id)}>
            <bdi>{parent.name}</bdi>
          </button>
        </Fact>
      ) : null}
      {row.parent === -1 ? <Fact name="Within">An action not reported yet</Fact> : null}
      {action.impact ? <Fact name="Impact">{action.impact}</Fact> : null}
      {action.effect ? <Fact name="Effect">{action.effect}</Fact> : null}
      {action.tags.length > 0 ? (
        <Fact name="Tags">
          {action.tags.map((tag) => (
            <bdi key={tag} className="run-tag">
              {tag}
            </bdi>
          ))}
        </Fact>
      ) : null}
      <Fact name="Reported by">{detail.sources.join(", ") || NOTHING}</Fact>
      <Fact name="Redacted by">{detail.redaction_version > 0 ? `patterns ${detail.redaction_version}` : NOTHING}</Fact>
      {action.is_possible_duplicate ? (
        <Fact name="Possible duplicate">It is counted, and looks like a second report of another call.</Fact>
      ) : null}
    </dl>
  );
}

/** What is said of how long something without an end took: in a run that is over, nobody told it. */
function openWords(run: RunView): string {
  return run.status === "running" ? "It runs" : NOTHING;
}

/** Returns `1,000 input, 400 of them from cache, 50 written to cache · 100 output`: what was cached decides the price. */
function tokenWords({ action, cache_read_tokens: read, cache_write_tokens: written }: ActionDetailView): string {
  const input = [
    `${amount(action.input_tokens)} input`,
    read ? `${WHOLE.format(read)} of them from cache` : null,
    written ? `${WHOLE.format(written)} written to cache` : null,
  ].filter(Boolean);
  return `${input.join(", ")}${input.length > 1 ? " · " : ", "}${amount(action.output_tokens)} output`;
}

function amount(tokens: number | null): string {
  return tokens === null ? NOTHING : WHOLE.format(tokens);
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
