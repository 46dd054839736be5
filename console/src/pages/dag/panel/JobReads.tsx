import type { Job } from "../../../api/facts";
import { fileKey } from "../../../api/files";
import { useJobFiles, useResult, useStory } from "../../../api/job";
import { CopyButton } from "../../../parts/CopyButton";
import { bytes } from "../../../parts/format";
import { Time } from "../../../parts/Time";
import { blobPath, useUrl } from "../../../parts/url";
import { Part } from "./Part";
import { resultText } from "./resultText";

const LONGEST_RESULT = 20_000; // characters; the rest is a command away

/** What the job handed on as its result. */
export function JobResult({ job }: { job: Job }) {
  const { data } = useResult(job.job_id, job.result_is_set);
  if (!job.result_is_set || data === undefined) return null;
  const text = resultText(data);
  return (
    <Part title="Result" aside={<CopyButton text={text} />}>
      <pre className="panel-result" dir="auto" tabIndex={0} role="region" aria-label={`Result of ${job.name}`}>
        {text.slice(0, LONGEST_RESULT)}
        {text.length > LONGEST_RESULT ? `\n… ${text.length - LONGEST_RESULT} more characters` : ""}
      </pre>
    </Part>
  );
}

const FIRST_FILES = 10;

/** The files the job left in its workspace. */
export function JobFiles({ job }: { job: Job }) {
  const { data } = useJobFiles(job.job_id);
  const [, change] = useUrl();
  if (!data || data.files.length === 0) return null;
  return (
    <Part title="Files it left">
      <ul className="panel-files">
        {data.files.slice(0, FIRST_FILES).map((file) => (
          <li key={fileKey(file)}>
            <button
              type="button"
              className="dag-link cut"
              dir="auto"
              title={file.path}
              onClick={() => change({ view: "files", file: fileKey(file) }, true)}
            >
              {file.path}
            </button>
            <span className="faint num">{bytes(file.size_bytes)}</span>
            {file.digest ? (
              <a href={blobPath(file.digest, file.path)} download aria-label={`Download ${file.path}`}>
                Download
              </a>
            ) : (
              <span className="faint" title={file.reason ?? undefined}>
                not kept
              </span>
            )}
          </li>
        ))}
      </ul>
      {data.files.length > FIRST_FILES ? (
        <button type="button" className="dag-link" onClick={() => change({ view: "files", q: job.name }, true)}>
          All {data.files.length}
        </button>
      ) : null}
    </Part>
  );
}

/** Why the job is where it is, in the server's words, the latest first. */
export function JobStory({ job }: { job: Job }) {
  const { data } = useStory(job.job_id);
  if (!data || data.length === 0) return null;
  return (
    <Part title="Story">
      <ol className="panel-story">
        {[...data].reverse().map((line) => (
          <li key={line.seq}>
            <span className="faint">
              <Time at={line.at} />
            </span>
            <span dir="auto">{line.text}</span>
          </li>
        ))}
      </ol>
    </Part>
  );
}
