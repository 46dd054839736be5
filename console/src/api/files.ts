/** Files that jobs left and uploaded. */
import type { LeftFile } from "./facts";

/** Leaves out what a job left in its folder where it uploaded the very same: it stands there as an artifact. */
export function withoutTwins(files: readonly LeftFile[]): LeftFile[] {
  const uploaded = new Set(files.filter((file) => file.place === "artifact").map(contentOf));
  return files.filter((file) => file.place === "artifact" || !uploaded.has(contentOf(file)));
}

/** Names one file among all that a submission left: its path may lie with other jobs, on two nodes, in the copies of two attempts. */
export function fileKey(file: LeftFile): string {
  return [file.job_id, file.attempt, file.place, file.path].join(" ");
}

/** Returns the file that an address names by its key, or in short by its path, where the first of that path is meant. */
export function fileOf(name: string | null, files: readonly LeftFile[]): LeftFile | undefined {
  return files.find((file) => fileKey(file) === name) ?? files.find((file) => file.path === name);
}

function contentOf(file: LeftFile): string {
  return [file.job_id, file.digest, file.path].join(" ");
}
