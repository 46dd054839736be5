/** The roles of tokens as a person chooses between them, and how long a token is good for. */

export const ABOUT_ROLE: Record<string, string> = {
  admin: "may do everything, also on the server",
  owner: "may do everything in its organisation, tokens too",
  manager: "may do everything in its organisation but tokens",
  worker: "claims work, reports it, and fetches what it needs for it",
  viewer: "may look, and change nothing",
  key: "a program: what its scopes say",
  job: "a running job: its own run, and what all jobs share",
};

/** Roles that a token is made with: those that are about the server by whoever looks after it alone. */
export function rolesToChoose(canOperate: boolean) {
  return canOperate
    ? (["admin", "owner", "manager", "viewer", "worker"] as const)
    : (["owner", "manager", "viewer"] as const);
}

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
