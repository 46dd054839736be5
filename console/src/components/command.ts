/** Commands as a person types them, for this very server. */
import { projectIn } from "../api/project";

const USUAL_PORTS = ["5000", "9090"]; // where `titan` looks by itself, on the machine it is called on

/** Returns a word so that a POSIX shell takes it for one word. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

interface Address {
  hostname: string;
  port: string;
  origin: string;
  pathname?: string;
}

/** Returns a `titan` command; with `--server` where the command would not find this server by itself. */
export function titanCommand(words: readonly string[], at: Address): string {
  const project = projectOf(at);
  const of = project === null ? [] : ["--project", shellWord(project)];
  return ["titan", ...words.map(shellWord), ...of, ...(isFoundBySelf(at) ? [] : ["--server", at.origin])].join(" ");
}

/** Returns a command of a program that uses `titan_sdk`, led to this server where it would not find it by itself. */
export function withServer(command: string, at: Address): string {
  const project = projectOf(at);
  const of = project === null ? [] : [`TITAN_PROJECT=${shellWord(project)}`];
  return [...(isFoundBySelf(at) ? [] : [`TITAN_HOST=${at.origin}`]), ...of, command].join(" ");
}

/** Returns the Python that makes a client of this server. */
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
