/** Shell commands and code for this server. */
import { projectIn } from "../api/project";

const USUAL_PORTS = ["5000", "9090"]; // `titan` looks for local servers on these ports

/** Quotes a word for a POSIX shell. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

interface Address {
  hostname: string;
  port: string;
  origin: string;
  pathname?: string;
}

/** Returns a `titan` command, with `--server` where the command would not find this server. */
export function titanCommand(words: readonly string[], at: Address): string {
  const project = projectOf(at);
  const of = project === null ? [] : ["--project", shellWord(project)];
  return ["titan", ...words.map(shellWord), ...of, ...(isFoundBySelf(at) ? [] : ["--server", at.origin])].join(" ");
}

/** Returns the command of a program that uses `titan_sdk`, with TITAN_HOST where it would not find this server. */
export function withServer(command: string, at: Address): string {
  const project = projectOf(at);
  const of = project === null ? [] : [`TITAN_PROJECT=${shellWord(project)}`];
  return [...(isFoundBySelf(at) ? [] : [`TITAN_HOST=${at.origin}`]), ...of, command].join(" ");
}

/** Returns the Python expression that creates a client of this server. */
export function newClient(at: Address): string {
  const project = projectOf(at);
  const of = project === null ? [] : [`project=${JSON.stringify(project)}`];
  return `TitanClient(${[...(isFoundBySelf(at) ? [] : [`"${at.origin}"`]), ...of].join(", ")})`;
}

function projectOf(at: Address): string | null {
  return projectIn(at.pathname ?? "/");
}

function isFoundBySelf(at: Address): boolean {
  return ["127.0.0.1", "localhost", "[::1]"].includes(at.hostname) && USUAL_PORTS.includes(at.port);
}
