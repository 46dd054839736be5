/** One determinism issue, and the dialog that accepts it. */
import { type FormEvent, Fragment, useId, useState } from "react";
import { Link } from "react-router";
import { type Issue, useAcceptIssue, useWithdrawAcceptance } from "../../../api/replays";
import { useCanChange } from "../../../api/session";
import { Button } from "../../../components/Button";
import { Dialog } from "../../../components/Dialog";
import { Time } from "../../../components/Time";

interface Props {
  run: string;
  issue: Issue;
  onShow: (action: string) => void;
}

/** One issue: action, severity, type, value flow and recommendation. */
export function IssueCard({ run, issue, onShow }: Props) {
  const [isAccepting, setAccepting] = useState(false);
  const canAccept = useCanChange();
  const id = useId();
  const { word, glyph, tone } = SEVERITIES[issue.severity];
  const { code, recommendation, accepted } = issue;
  return (
    <article className="card determinism-issue" aria-labelledby={id} data-accepted={accepted ? "" : undefined}>
      <header className="row">
        <h3 id={id}>
          <span className="faint">Issue:</span> {issue.title}
        </h3>
        {accepted || !canAccept ? null : (
          <Button kind="quiet" onClick={() => setAccepting(true)}>
            Accept …
          </Button>
        )}
      </header>
      <dl>
        <dt>Action</dt>
        <dd>
          <ActionLink name={issue.action_name} onShow={() => onShow(issue.action_id)} />
          {issue.action_count > 1 ? <span className="soft"> the first of {issue.action_count}</span> : null}
        </dd>
        <dt>Severity</dt>
        <dd>
          <span className={`determinism-severity tone-${tone}`}>
            <span aria-hidden="true">{glyph}</span> {word}
          </span>
        </dd>
        <dt>Type</dt>
        <dd>
          <Link className="determinism-link" to={recommendation.docs}>
            {issue.type}
          </Link>
          {issue.path && issue.path !== "$" ? (
            <>
              {" at "}
              <code>
                {issue.side}.{issue.path}
              </code>
            </>
          ) : null}
        </dd>
        <dt>Description</dt>
        <dd dir="auto">{issue.description}</dd>
        {code ? (
          <>
            <dt>Line</dt>
            <dd>
              <code>
                {code.file}:{code.line}
              </code>{" "}
              <span className="soft">in {code.function}</span>
            </dd>
          </>
        ) : null}
        {issue.flows.length > 0 ? (
          <>
            <dt>Flows to</dt>
            <dd>
              {issue.flows.map((flow, at) => (
                <Fragment key={flow.action_id}>
                  {at > 0 ? ", " : ""}
                  <ActionLink name={flow.action_name} onShow={() => onShow(flow.action_id)} /> <code>{flow.path}</code>
                </Fragment>
              ))}
            </dd>
          </>
        ) : null}
        <dt>Recommendation</dt>
        <dd>
          {recommendation.text}
          <Change before={recommendation.before} after={recommendation.after} isOwn={code !== null} />
        </dd>
      </dl>
      {accepted ? <Accepted run={run} of={accepted} /> : null}
      {isAccepting ? <AcceptDialog run={run} issue={issue} onClose={() => setAccepting(false)} /> : null}
    </article>
  );
}

function ActionLink({ name, onShow }: { name: string; onShow: () => void }) {
  return (
    <button type="button" className="determinism-link" title="Show this action" onClick={onShow}>
      <bdi>{name}</bdi>
    </button>
  );
}

function Change({ before, after, isOwn }: { before: string; after: string; isOwn: boolean }) {
  return (
    <figure className="determinism-change">
      <figcaption className="faint">{isOwn ? "Your code" : "An example"}</figcaption>
      <pre dir="ltr" data-side="before">
        <span className="sr-only">Before: </span>
        {before}
      </pre>
      <pre dir="ltr" data-side="after">
        <span className="sr-only">After: </span>
        {after}
      </pre>
    </figure>
  );
}

/** Who accepted an issue and why, with a button to withdraw. */
export function Accepted({ run, of }: { run: string; of: NonNullable<Issue["accepted"]> }) {
  const canAccept = useCanChange();
  const withdraw = useWithdrawAcceptance(run);
  return (
    <p className="row determinism-accepted">
      <span>
        ✓ Accepted by <bdi>{of.author}</bdi>, <Time at={of.at} />: <q dir="auto">{of.reason}</q>
      </span>
      {canAccept ? (
        <Button kind="quiet" busy={withdraw.isPending} onClick={() => withdraw.run(of.key)}>
          Withdraw
        </Button>
      ) : null}
    </p>
  );
}

/** Asks for the reason to accept an issue. */
function AcceptDialog({ run, issue, onClose }: { run: string; issue: Issue; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const accept = useAcceptIssue(run, onClose);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (reason.trim()) accept.run({ issue: issue.key, reason: reason.trim() });
  }
  return (
    <Dialog title={`Accept: ${issue.title}`} onClose={onClose} footer={<Button onClick={onClose}>Back</Button>}>
      <form className="determinism-accept" onSubmit={submit}>
        <p className="soft">
          The issue stays listed with your name and reason, and no longer lowers the score of this agent's runs. You can
          withdraw the acceptance.
        </p>
        <label>
          Reason
          <textarea
            className="field"
            rows={3}
            maxLength={2000}
            dir="auto"
            data-first
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </label>
        <Button kind="main" type="submit" busy={accept.isPending} disabled={!reason.trim()}>
          Accept
        </Button>
      </form>
    </Dialog>
  );
}

const ORDER: readonly Issue["severity"][] = ["critical", "high", "medium", "low"];

const SEVERITIES: Record<Issue["severity"], { word: string; glyph: string; tone: string }> = {
  critical: { word: "Critical", glyph: "‼", tone: "red" },
  high: { word: "High", glyph: "▲", tone: "red" },
  medium: { word: "Medium", glyph: "◆", tone: "amber" },
  low: { word: "Low", glyph: "▽", tone: "grey" },
};

/** Returns open issues first, most severe on top. */
export function bySeverity(issues: readonly Issue[]): Issue[] {
  const rank = (issue: Issue) => (issue.accepted ? ORDER.length : 0) + ORDER.indexOf(issue.severity);
  return [...issues].sort((one, other) => rank(one) - rank(other));
}
