import type { ReExecution as Found } from "../../../api/replays";
import { CopyButton } from "../../../parts/CopyButton";
import { count } from "../../../parts/format";
import { CAUSES, REASONS } from "./words";

/** What executing the program again showed: the score, the cause and the statement of what differs. */
export function ReExecution({ of }: { of: Found }) {
  const { cause, statement } = of;
  return (
    <dl className="simulation-facts">
      <dt>Determinism</dt>
      <dd>
        {of.score} of 100 <span className="soft">measured in {count(of.executions, "execution")}</span>
      </dd>
      {of.changes?.length ? (
        <>
          <dt>Changed</dt>
          {of.changes.map((change) => (
            <dd key={change}>{change}</dd>
          ))}
        </>
      ) : null}
      {cause ? (
        <>
          <dt>Cause</dt>
          <dd>
            <span className="chip">{cause.source}</span> {CAUSES[cause.source]}{" "}
            <span className="soft">{cause.evidence}</span>
          </dd>
        </>
      ) : null}
      {statement ? (
        <>
          <dt>Statement</dt>
          <dd>
            <code>
              {statement.file}:{statement.line}
            </code>{" "}
            <span className="soft">in {statement.function}</span>
            {statement.source ? <pre dir="ltr">{statement.source}</pre> : null}
            {statement.variable === null ? null : (
              <table className="simulation-values">
                <tbody>
                  {["one execution", "another"].map((execution, place) => (
                    <tr key={execution}>
                      <th scope="row">
                        <code>{statement.variable}</code> in {execution}
                      </th>
                      <td className="mono">{statement.values[place] ?? "not set"}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </dd>
        </>
      ) : null}
      <dt>Program</dt>
      <dd>
        <code>{of.command}</code>
      </dd>
    </dl>
  );
}

/** The command that executes a run's program again, where its code is. */
export function ReplayCommand({ run, reason }: { run: string; reason: string | null }) {
  const command = `titan replay ${run} -- python agent.py`;
  return (
    <p className="row soft">
      {reason === "code_missing" ? REASONS[reason] : null} Execute its program again, where its code is:{" "}
      <code>{command}</code> <CopyButton text={command} />
    </p>
  );
}
