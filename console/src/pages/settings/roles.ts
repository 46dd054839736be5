/** The roles of tokens as a person chooses between them, and how long a token is good for. */

export const ABOUT_ROLE: Record<string, string> = {
  admin: "may do everything, tokens too",
  worker: "claims work, reports it, and fetches what it needs for it",
  viewer: "may look, and change nothing",
  job: "a running job: its own run, and what all jobs share",
};

export const ROLES = ["admin", "worker", "viewer"] as const;

export const EXPIRIES: readonly { days: number | null; name: string }[] = [
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

export type TokenState = "good" | "expired" | "revoked";

/** Returns whether a token is good at a moment, and if not why. */
export function stateOf(token: Lifetime, now: number): TokenState {
  if (token.revoked_at !== null) return "revoked";
  return token.expires_at !== null && Date.parse(token.expires_at) <= now ? "expired" : "good";
}
