import { expect, test } from "vitest";
import { fileKey, fileOf, withoutDuplicates } from "./dags";
import type { LeftFile } from "./types";

function aFile(place: LeftFile["place"], more: Partial<LeftFile> = {}): LeftFile {
  return {
    path: "report.md",
    size_bytes: 3,
    digest: "a".repeat(64),
    reason: null,
    modified_at: "2026-03-01T12:00:00Z",
    place,
    job_id: "d1.00000",
    job: "write",
    attempt: 1,
    worker: "w1",
    ...more,
  };
}

test("what a job left and uploaded unchanged is shown once, as its artifact", () => {
  const artifact = aFile("artifact");

  expect(withoutDuplicates([artifact, aFile("workspace"), aFile("archive")])).toEqual([artifact]);
});

test("files of another content, path or job are shown beside the artifact", () => {
  const files = [
    aFile("artifact"),
    aFile("workspace", { digest: "b".repeat(64) }),
    aFile("workspace", { path: "out/report.md" }),
    aFile("workspace", { job_id: "d1.00001" }),
    aFile("workspace", { digest: null, reason: "larger than the limit" }),
  ];

  expect(withoutDuplicates(files)).toEqual(files);
});

test("a file's key tells it from those of the same path; a path alone means the first", () => {
  const files = [
    aFile("artifact"),
    aFile("workspace"),
    aFile("artifact", { attempt: 2 }),
    aFile("artifact", { job_id: "d1.00001" }),
  ];

  expect(files.map((file) => fileOf(fileKey(file), files))).toEqual(files);
  expect(fileOf("report.md", files)).toBe(files[0]);
  expect([fileOf("other.md", files), fileOf(null, files)]).toEqual([undefined, undefined]);
});
