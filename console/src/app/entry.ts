/** Who is let in, by what the server says of the session. */
import type { Schemas } from "../api/client";

type Session = Pick<Schemas["SessionView"], "needs_token" | "role">;

/** Returns whether the server wants a token that we have not given; false while that is unknown. */
export function isShutOut(session: Session | null | undefined): boolean {
  return session?.needs_token === true && session.role === null;
}
