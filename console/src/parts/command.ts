/** Commands as a person types them, for this very server. */

const USUAL_PORTS = ["5000", "9090"]; // where `titan` looks by itself, on the machine it is called on

/** Returns a word so that a POSIX shell takes it for one word. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Returns a `titan` command; with `--server` where the command would not find this server by itself. */
export function titanCommand(words: readonly string[], at: { hostname: string; port: string; origin: string }): string {
  const isFound = ["127.0.0.1", "localhost", "[::1]"].includes(at.hostname) && USUAL_PORTS.includes(at.port);
  return ["titan", ...words.map(shellWord), ...(isFound ? [] : ["--server", at.origin])].join(" ");
}
