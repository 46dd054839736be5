/** The Tokens section of Settings. */
import { type FormEvent, useId, useState } from "react";
import { useChange } from "../../api/changes";
import { DEFAULT_PROJECT } from "../../api/project";
import {
  createToken,
  type NewToken,
  type Role,
  refetchTokens,
  revokeToken,
  type Token,
  useTokens,
} from "../../api/server";
import { useCanAdminister, useCanOperate, useSession, useShownProject } from "../../api/session";
import { Button, CopyButton } from "../../components/Button";
import { Dialog } from "../../components/Dialog";
import { ErrorNotice } from "../../components/EmptyState";
import { count } from "../../components/format";
import { Time, useNow } from "../../components/Time";

/** The tokens, with buttons to create and revoke them. */
export function Tokens() {
  const isAllowed = useCanAdminister();
  const { data, error, refetch } = useTokens(isAllowed);
  const [isMaking, setIsMaking] = useState(false);
  const [made, setMade] = useState<NewToken | null>(null);
  if (!isAllowed) return <p className="soft">Tokens are visible to the roles admin and owner.</p>;
  return (
    <>
      <p className="soft">
        Programs, workers and people sign in with tokens. Titan stores a token's fingerprint, never the token.
      </p>
      {error ? <ErrorNotice of={error} onRetry={refetch} /> : null}
      {data ? <List tokens={data.tokens} serverTokenId={data.home_token_id ?? null} /> : null}
      <div className="row">
        <Button onClick={() => setIsMaking(true)}>Create a token …</Button>
      </div>
      {isMaking ? (
        <NewTokenDialog
          onClose={() => setIsMaking(false)}
          onMade={(token) => {
            setIsMaking(false);
            setMade(token);
            void refetchTokens();
          }}
        />
      ) : null}
      {made ? <TokenSecretDialog made={made} onClose={() => setMade(null)} /> : null}
    </>
  );
}

function List({ tokens, serverTokenId }: { tokens: readonly Token[]; serverTokenId: string | null }) {
  const now = useNow();
  const [showsEnded, setShowsEnded] = useState(false);
  const ended = tokens.filter((token) => stateOf(token, now) !== "good");
  const shown = showsEnded ? tokens : tokens.filter((token) => stateOf(token, now) === "good");
  if (tokens.length === 0) {
    return (
      <p>
        No tokens yet. Programs on this machine need none. For access from other machines, create one, then start{" "}
        <code>titan up --host 0.0.0.0</code>.
      </p>
    );
  }
  return (
    <>
      {shown.length > 0 ? (
        <div className="settings-scroll" tabIndex={0} role="region" aria-label="List of tokens">
          <table className="settings-table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col">Created</th>
                <th scope="col">Last used</th>
                <th scope="col">Expires</th>
                <th scope="col">
                  <span className="sr-only">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((token) => (
                <Row key={token.token_id} token={token} isServerToken={token.token_id === serverTokenId} />
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p className="soft">No valid tokens.</p>
      )}
      {ended.length > 0 ? (
        <Button kind="quiet" aria-expanded={showsEnded} onClick={() => setShowsEnded(!showsEnded)}>
          {showsEnded ? "Hide" : "Show"} {count(ended.length, "ended token")}
        </Button>
      ) : null}
    </>
  );
}

interface TokenProps {
  token: Token;
  /** Whether the server's own worker and commands use it. */
  isServerToken: boolean;
}

function Row({ token, isServerToken }: TokenProps) {
  const state = stateOf(token, useNow());
  return (
    <tr data-state={state}>
      <td className="settings-name" dir="auto">
        {token.name}
        <div className="faint mono">{token.token_id}</div>
        {isServerToken && state === "good" ? (
          <div className="soft" dir="ltr">
            The server’s own worker and commands use it.
          </div>
        ) : null}
      </td>
      <td>
        {token.trusted ? `${token.role}, trusted` : token.role}
        {token.project ? (
          <div className="soft" dir="auto">
            project {token.project}
          </div>
        ) : null}
        {token.scopes ? (
          <div className="soft">
            {token.scopes.join(", ")} · …{token.last_four}
          </div>
        ) : null}
        {token.labels ? <div className="soft">offers {token.labels.join(", ")}</div> : null}
      </td>
      <td>
        <Time at={token.created_at} />
      </td>
      <td>{token.last_used_at ? <Time at={token.last_used_at} as="age" /> : <span className="faint">never</span>}</td>
      <td>{token.expires_at ? <Time at={token.expires_at} as="age" /> : <span className="faint">never</span>}</td>
      <td className="num">
        {state === "good" ? <Revoke token={token} isServerToken={isServerToken} /> : null}
        {state === "revoked" ? (
          <span className="soft">
            ⊘ revoked <Time at={token.revoked_at} as="age" />
          </span>
        ) : null}
        {state === "expired" ? <span className="soft">◴ expired</span> : null}
      </td>
    </tr>
  );
}

function Revoke({ token, isServerToken }: TokenProps) {
  const [asks, setAsks] = useState(false);
  const isMine = useSession().data?.token_id === token.token_id;
  const change = useChange(revokeToken, `Revoked ${token.name}`, () => void refetchTokens());
  return (
    <>
      <Button kind="danger" busy={change.isPending} onClick={() => setAsks(true)} aria-label={`Revoke ${token.name} …`}>
        Revoke …
      </Button>
      {asks ? (
        <Dialog
          title="Revoke this token?"
          onClose={() => setAsks(false)}
          footer={
            <>
              <Button onClick={() => setAsks(false)}>Back</Button>
              <Button
                kind="danger"
                data-first=""
                onClick={() => {
                  setAsks(false);
                  change.run(token);
                }}
              >
                Revoke
              </Button>
            </>
          }
        >
          <p dir="auto">
            <strong>{token.name}</strong> ({token.role})
          </p>
          <p className="soft">
            Requests with this token are refused from now on. This cannot be undone.
            {token.role === "worker" ? " A worker finishes its running jobs and gets no new ones." : ""}
          </p>
          {isServerToken ? (
            <p className="settings-warning">
              ⚠ The server’s own commands and worker use this token. Until the next start of <code>titan up</code>,
              which creates a new one, commands are refused and the worker gets no new jobs.
            </p>
          ) : null}
          {isMine ? (
            <p className="settings-warning">⚠ You are signed in with this token: you will be signed out.</p>
          ) : null}
        </Dialog>
      ) : null}
    </>
  );
}

const NEVER = "never";

/** Creates a token. */
function NewTokenDialog({ onClose, onMade }: { onClose: () => void; onMade: (token: NewToken) => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [days, setDays] = useState("30");
  const [isTrusted, setIsTrusted] = useState(false);
  const [labels, setLabels] = useState("");
  const shown = useShownProject();
  const [project, setProject] = useState(shown === DEFAULT_PROJECT ? "" : shown);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const canOperate = useCanOperate();
  const form = useId();
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setIsBusy(true);
    try {
      const named = labels.split(/[\s,]+/).filter(Boolean);
      const worker = { trusted: isTrusted, labels: named.length > 0 ? named : null, project: null };
      const about = role === "worker" ? worker : { trusted: false, labels: null, project: project.trim() || null };
      onMade(await createToken(name.trim(), role, days === NEVER ? null : Number(days), about));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setIsBusy(false);
    }
  }
  return (
    <Dialog
      title="Create a token"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Back</Button>
          <Button kind="main" type="submit" form={form} busy={isBusy}>
            Create
          </Button>
        </>
      }
    >
      <form id={form} className="settings-form" onSubmit={(event) => void submit(event)}>
        <label className="stack">
          Name of the program or person
          <input
            className="field"
            dir="auto"
            required
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <fieldset className="plain-fieldset settings-choices">
          <legend>Role</legend>
          {rolesToChoose(canOperate).map((one) => (
            <label key={one} className="settings-choice">
              <input type="radio" name="role" checked={one === role} onChange={() => setRole(one)} />
              <span>
                {one} <span className="soft">{ABOUT_ROLE[one]}</span>
              </span>
            </label>
          ))}
        </fieldset>
        {role === "worker" ? (
          <>
            <label className="settings-choice">
              <input type="checkbox" checked={isTrusted} onChange={(event) => setIsTrusted(event.target.checked)} />
              <span>
                Trusted <span className="soft">jobs that its workers’ jobs submit may run on every worker</span>
              </span>
            </label>
            <label className="stack">
              Labels that its workers may offer, separated by commas
              <input
                className="field"
                autoComplete="off"
                placeholder="any"
                value={labels}
                onChange={(event) => setLabels(event.target.value)}
              />
            </label>
          </>
        ) : (
          <label className="stack">
            Project that it can access
            <input
              className="field"
              dir="auto"
              autoComplete="off"
              placeholder="every project"
              value={project}
              onChange={(event) => setProject(event.target.value)}
            />
          </label>
        )}
        <label className="stack">
          Expires after
          <select className="field" value={days} onChange={(event) => setDays(event.target.value)}>
            {EXPIRIES.map((expiry) => (
              <option key={expiry.name} value={expiry.days ?? NEVER}>
                {expiry.name}
              </option>
            ))}
          </select>
        </label>
        {problem ? (
          <p role="alert" className="settings-problem">
            {problem}
          </p>
        ) : null}
      </form>
    </Dialog>
  );
}

/** Shows a new token once. */
function TokenSecretDialog({ made, onClose }: { made: NewToken; onClose: () => void }) {
  return (
    <Dialog
      title={`The token ${made.name}`}
      onClose={onClose}
      sticky
      footer={
        <Button kind="main" onClick={onClose}>
          I have copied it
        </Button>
      }
    >
      <p className="settings-warning">⚠ Copy the token now. Titan does not store it and cannot show it again.</p>
      <div className="settings-secret">
        <code data-token="">{made.token}</code>
        <CopyButton text={made.token} />
      </div>
      <p className="soft">
        Programs read it from <code>TITAN_TOKEN</code>; people sign in with it here.
      </p>
    </Dialog>
  );
}

export const ABOUT_ROLE: Record<string, string> = {
  admin: "full access, also to the server",
  owner: "full access to its organisation, including tokens",
  manager: "full access to its organisation, except tokens",
  worker: "takes jobs, reports them and fetches their files",
  viewer: "read-only",
  key: "a program, limited by its scopes",
  job: "a running job: its own run, and shared data",
};

/** Roles for new tokens; admin and worker only for operators. */
function rolesToChoose(canOperate: boolean) {
  return canOperate
    ? (["admin", "owner", "manager", "viewer", "worker"] as const)
    : (["owner", "manager", "viewer"] as const);
}

const EXPIRIES: readonly { days: number | null; name: string }[] = [
  { days: 7, name: "7 days" },
  { days: 30, name: "30 days" },
  { days: 90, name: "90 days" },
  { days: 365, name: "a year" },
  { days: null, name: "never" },
];

interface Lifetime {
  expires_at: string | null;
  revoked_at: string | null;
}

type TokenState = "good" | "expired" | "revoked";

/** Returns whether a token is valid, expired or revoked. */
export function stateOf(token: Lifetime, now: number): TokenState {
  if (token.revoked_at !== null) return "revoked";
  return token.expires_at !== null && Date.parse(token.expires_at) <= now ? "expired" : "good";
}
