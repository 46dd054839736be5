/** The list of decided gates. */
import { useState } from "react";
import { Link } from "react-router";
import { useAllGates } from "../../api/gates";
import type { Gate } from "../../api/types";
import { Button } from "../../components/Button";
import { Status } from "../../components/badges";
import { SearchField, StatusFilter } from "../../components/fields";
import { Time } from "../../components/Time";
import { chosenIn, dagPath, toggledAmong, useUrl } from "../../components/url";

const STEP = 200; // gates loaded at first
const MOST = 10_000; // the server's limit
const ROWS = 50;

/** Decided gates: by whom, when and why. */
export function Decided() {
  const [query, change] = useUrl();
  const [limit, setLimit] = useState(STEP);
  const [rows, setRows] = useState(ROWS);
  const { data } = useAllGates(limit);
  const q = query.get("q") ?? "";
  const states = chosenIn(query, "state");
  if (!data) return null;
  const isFiltered = q !== "" || states.length > 0;
  const found = decidedGates(data.gates, { q, states });
  if (found.length === 0 && !isFiltered && data.isAll) return null;
  const goesBack = !data.isAll && limit < MOST;
  return (
    <section className="approvals-decided" aria-labelledby="decided">
      <div className="row">
        <h2 id="decided">Decided</h2>
        <StatusFilter
          all={DECIDED_STATES}
          chosen={states}
          onToggle={(one) => change((now) => toggledAmong(now, "state", DECIDED_STATES, one), true)}
        />
        <SearchField value={q} label="Message, DAG, person" onChange={(value) => change({ q: value })} />
      </div>
      {found.length === 0 ? (
        <p className="soft">
          No matching gates{goesBack ? ` among the last ${limit.toLocaleString("en-US")}` : ""}.{" "}
          {isFiltered ? <Button onClick={() => change({ q: null, state: null })}>Show all</Button> : null}
        </p>
      ) : (
        <table className="approvals-table">
          <thead>
            <tr>
              <th scope="col">Decision</th>
              <th scope="col">Gate</th>
              <th scope="col">Decided by</th>
              <th scope="col">Decided</th>
              <th scope="col">Comment</th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, rows).map((gate) => (
              <DecidedRow key={gate.gate_id} gate={gate} />
            ))}
          </tbody>
        </table>
      )}
      <div className="row">
        {found.length > rows ? <Button onClick={() => setRows(rows + ROWS)}>Show more</Button> : null}
        {found.length <= rows && goesBack ? (
          <Button onClick={() => setLimit(Math.min(MOST, limit + STEP * 5))}>Load older gates</Button>
        ) : null}
      </div>
    </section>
  );
}

function DecidedRow({ gate }: { gate: Gate }) {
  return (
    <tr>
      <td>
        <Status of={gate.state} />
      </td>
      <td className="approvals-question">
        <div dir="auto">{gate.message || gate.name}</div>
        <div className="faint" dir="auto">
          <Link to={dagPath({ name: gate.dag_name, dag_id: gate.dag_id }, gate.gate_id)}>{gate.dag_name}</Link> ·{" "}
          {gate.name}
        </div>
      </td>
      <td dir="auto">{gate.decided_by ?? <span className="faint">–</span>}</td>
      <td className="approvals-when">
        <Time at={gate.decided_at} />
      </td>
      <td className="approvals-why" dir="auto">
        {gate.comment ?? <span className="faint">–</span>}
      </td>
    </tr>
  );
}

const DECIDED_STATES = ["approved", "rejected", "expired", "cancelled"] as const;

interface DecidedFilter {
  q: string;
  states: readonly string[];
}

/** Returns the matching closed gates, the latest decision first. */
export function decidedGates(gates: readonly Gate[], filter: DecidedFilter): Gate[] {
  const words = filter.q.toLowerCase();
  return gates
    .filter((gate) => isOver(gate) && (filter.states.length === 0 || filter.states.includes(gate.state)))
    .filter((gate) => !words || textOf(gate).includes(words))
    .toSorted((one, other) => (other.decided_at ?? "").localeCompare(one.decided_at ?? ""));
}

export function isOver(gate: Gate): boolean {
  return gate.state !== "open" && gate.state !== "waiting";
}

/** Returns whether a gate expires within the hour. */
export function isUrgent(gate: Gate, now: number): boolean {
  return gate.expires_at !== null && Date.parse(gate.expires_at) - now < 3_600_000;
}

function textOf(gate: Gate): string {
  return [gate.name, gate.dag_name, gate.agent_run_id, gate.message, gate.decided_by, gate.comment]
    .filter(Boolean)
    .join("\n")
    .toLowerCase();
}
