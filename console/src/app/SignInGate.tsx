import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { ApiError } from "../api/apiError";
import { live } from "../api/live";
import { useConnection } from "../api/query";
import { needsSignIn, refetchSession, signIn, useSession } from "../api/session";
import { Button } from "../components/Button";
import { Dialog } from "../components/Dialog";

const AGAIN_MS = 3000; // between two reloads of the session while the server is unreachable

/**
 * Shows the pages, or a sign-in form where the server requires a token. An open page stays mounted but hidden behind
 * the form, so nothing is lost when a token expires.
 */
export function SignInGate({ children }: { children: ReactNode }) {
  const session = useSession();
  const connection = useConnection();
  const wasIn = useRef(false);
  useEffect(() => {
    if (connection === "away") refetchSession(); // did the server stop, or did the sign-in expire?
  }, [connection]);
  useEffect(() => {
    if (!session.isError) return undefined;
    const timer = window.setInterval(refetchSession, AGAIN_MS);
    return () => window.clearInterval(timer);
  }, [session.isError]);
  const isOut = needsSignIn(session.data);
  // Once shown, pages stay while the session reloads; they handle missing data themselves.
  if (!session.isPending && !isOut) wasIn.current = true;
  const listens = wasIn.current && !isOut; // before and after that the stream would be refused
  useEffect(() => {
    if (!listens) return undefined;
    live.start();
    return () => live.stop();
  }, [listens]);
  if (session.isPending && !wasIn.current) return null;
  return (
    <>
      {isOut ? <SignIn again={wasIn.current} /> : null}
      {wasIn.current ? (
        <div className="behind-sign-in" data-out={isOut || undefined}>
          {children}
        </div>
      ) : null}
    </>
  );
}

/** The whole page at first; later a dialog above the open page. */
function SignIn({ again }: { again: boolean }) {
  if (again) {
    return (
      <Dialog title="Sign in again" onClose={() => undefined} sticky>
        <SignInForm>
          Your token was revoked or expired, or you signed out. Sign in to continue where you were.
        </SignInForm>
      </Dialog>
    );
  }
  return (
    <main id="main" tabIndex={-1} className="card sign-in">
      <h1>Sign in</h1>
      <SignInForm>This server requires a token.</SignInForm>
    </main>
  );
}

function SignInForm({ children }: { children: ReactNode }) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setIsBusy(true);
    setProblem(null);
    try {
      await signIn(token.trim());
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setToken("");
      setIsBusy(false);
    }
  }
  return (
    <form className="sign-in-form" onSubmit={(event) => void submit(event)}>
      <p className="soft">
        {children} Create one on the server: <code>titan tokens create NAME</code>
      </p>
      <label className="stack">
        Token
        <input
          className="field mono"
          type="password"
          autoComplete="off"
          required
          // biome-ignore lint/a11y/noAutofocus: the only thing to do here
          autoFocus
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
      </label>
      {problem ? (
        <p role="alert" className="sign-in-problem">
          {problem}
        </p>
      ) : null}
      <Button kind="main" type="submit" busy={isBusy}>
        Sign in
      </Button>
    </form>
  );
}

function problemOf(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  if (error.status !== 401) return error.message;
  return `Token not accepted: ${error.problem.found || "it is unknown"}. Check that you copied all of it.`;
}
