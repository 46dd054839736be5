import { useState } from "react";
import { useChange } from "../../api/changes";
import { type NewToken, rereadTokens, revokeToken, type Token, useTokens } from "../../api/house";
import { useCanAdminister, useSession } from "../../api/session";
import { Button } from "../../parts/Button";
import { useNow } from "../../parts/clock";
import { Dialog } from "../../parts/Dialog";
import { Failure } from "../../parts/Failure";
import { count } from "../../parts/format";
import { Time } from "../../parts/Time";
import { NewTokenDialog } from "./NewTokenDialog";
import { OnceDialog } from "./OnceDialog";
import { stateOf } from "./roles";

/** Who else may come in: tokens, made and ended here. */
export function Tokens() {
  const isAllowed = useCanAdminister();
  const { data, error, refetch } = useTokens(isAllowed);
  const [isMaking, setIsMaking] = useState(false);
  const [made, setMade] = useState<NewToken | null>(null);
  if (!isAllowed) return <p className="soft">Tokens are seen, made and revoked with one of the role admin or owner.</p>;
  return (
    <>
      <p className="soft">
        A token lets a program, a worker or a person in. Titan keeps its fingerprint, never the token itself.
      </p>
      {error ? <Failure of={error} again={refetch} /> : null}
      {data ? <List tokens={data.tokens} homeId={data.home_token_id ?? null} /> : null}
      <div className="row">
        <Button onClick={() => setIsMaking(true)}>Make a token …</Button>
      </div>
      {isMaking ? (
        <NewTokenDialog
          onClose={() => setIsMaking(false)}
          onMade={(token) => {
            setIsMaking(false);
            setMade(token);
            void rereadTokens();
          }}
        />
      ) : null}
      {made ? <OnceDialog made={made} onClose={() => setMade(null)} /> : null}
    </>
  );
}

function List({ tokens, homeId }: { tokens: readonly Token[]; homeId: string | null }) {
  const now = useNow();
  const [showsEnded, setShowsEnded] = useState(false);
  const ended = tokens.filter((token) => stateOf(token, now) !== "good");
  const shown = showsEnded ? tokens : tokens.filter((token) => stateOf(token, now) === "good");
  if (tokens.length === 0) {
    return (
      <p>
        There is none yet. Whoever uses this machine needs none; to let others in, make one, then start with{" "}
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
                <th scope="col">Made</th>
                <th scope="col">Last used</th>
                <th scope="col">Expires</th>
                <th scope="col">
                  <span className="unseen">Acts</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((token) => (
                <Row key={token.token_id} token={token} isHomes={token.token_id === homeId} />
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p className="soft">None of them is good any more.</p>
      )}
      {ended.length > 0 ? (
        <Button kind="quiet" aria-expanded={showsEnded} onClick={() => setShowsEnded(!showsEnded)}>
          {showsEnded ? "Hide" : "Show"} {count(ended.length, "ended token")}
        </Button>
      ) : null}
    </>
  );
}

interface One {
  token: Token;
  /** Whether the server's own worker and commands show it. */
  isHomes: boolean;
}

function Row({ token, isHomes }: One) {
  const state = stateOf(token, useNow());
  return (
    <tr data-state={state}>
      <td className="settings-name" dir="auto">
        {token.name}
        <div className="faint mono">{token.token_id}</div>
        {isHomes && state === "good" ? (
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
        {state === "good" ? <Revoke token={token} isHomes={isHomes} /> : null}
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

function Revoke({ token, isHomes }: One) {
  const [asks, setAsks] = useState(false);
  const isMine = useSession().data?.token_id === token.token_id;
  const change = useChange(revokeToken, `Revoked ${token.name}`, () => void rereadTokens());
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
            Whoever uses it is turned away at once, and cannot be let in by it again.
            {token.role === "worker" ? " A worker goes on with what it runs and gets nothing new." : ""}
          </p>
          {isHomes ? (
            <p className="settings-warning">
              ⚠ The commands and the worker of the server’s own machine use it. Commands are refused then; the worker
              goes on with what it runs and gets nothing new, until the next start of <code>titan up</code>: that makes
              another, which both use by themselves.
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
