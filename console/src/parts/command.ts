/** Commands as a person types them, for this very server. */

const USUAL_PORTS = ["5000", "9090"]; // where `titan` looks by itself, on the machine it is called on

/** Returns a word so that a POSIX shell takes it for one word. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

interface Address {
  hostname: string;
  port: string;
  origin: string;
}

/** Returns a `titan` command; with `--server` where the command would not find this server by itself. */
export function titanCommand(words: readonly string[], at: Address): string {
  return ["titan", ...words.map(shellWord), ...(isFoundBySelf(at) ? [] : ["--server", at.origin])].join(" ");
}

/** Returns a command of a program that uses `titan_sdk`, led to this server where it would not find it by itself. */
export function withServer(command: string, at: Address): string {
  return isFoundBySelf(at) ? command : `TITAN_HOST=${at.origin} ${command}`;
}

/** Returns the Python that makes a client of this server. */
export function newClient(at: Address): string {
  return isFoundBySelf(at) ? "TitanClient()" : `TitanClient("${at.origin}")`;
}

function isFoundBySelf(at: Address): boolean {
  return ["127.0.0.1", "localhost", "[::1]"].includes(at.hostname) && USUAL_PORTS.includes(at.port);
}
