import { type FormEvent, type ReactNode, useState } from "react";
import { live } from "../api/live";
import { signIn, useSession } from "../api/session";
import { Button } from "../parts/Button";

/** Lets the pages through, or asks for a token first where the server needs one. */
export function SignInGate({ children }: { children: ReactNode }) {
  const session = useSession();
  if (session.data?.needs_token && !session.data.signed_in) return <SignIn />;
  return children;
}

function SignIn() {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setIsBusy(true);
    try {
      await signIn(token.trim());
      live.stop();
      live.start();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setToken("");
      setIsBusy(false);
    }
  }
  return (
    <main id="main" tabIndex={-1}>
      <form className="card sign-in" onSubmit={(event) => void submit(event)}>
        <h1>Sign in</h1>
        <p className="soft">
          This server needs a token. Make one where it runs: <code>titan token create NAME</code>
        </p>
        <label className="stack">
          Token
          <input
            className="field mono"
            type="password"
            autoComplete="off"
            required
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
        </label>
        {problem ? (
          <p role="alert" className="tone-red sign-in-problem">
            {problem}
          </p>
        ) : null}
        <Button kind="main" type="submit" busy={isBusy}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
