/** Files that jobs left and uploaded. */
import type { LeftFile } from "./facts";

/** Leaves out what a job left in its folder where it uploaded the very same: it stands there as an artifact. */
export function withoutTwins(files: readonly LeftFile[]): LeftFile[] {
  const uploaded = new Set(files.filter((file) => file.place === "artifact").map(contentOf));
  return files.filter((file) => file.place === "artifact" || !uploaded.has(contentOf(file)));
}

function contentOf(file: LeftFile): string {
  return [file.job_id, file.digest, file.path].join(" ");
}
