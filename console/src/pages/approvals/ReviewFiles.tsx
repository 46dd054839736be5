import { useState } from "react";
import type { Gate, LeftFile } from "../../api/facts";
import { fileKey } from "../../api/files";
import { useFilesBefore } from "../../api/gates";
import { Button } from "../../parts/Button";
import { FilePreview } from "../../parts/FilePreview";
import { bytes } from "../../parts/format";
import { blobPath } from "../../parts/url";

const FIRST_FILES = 5;

/** What the jobs before the gate left: to look at here, or to keep. */
export function ReviewFiles({ gate }: { gate: Gate }) {
  const { data: files, error } = useFilesBefore(gate);
  const [showsAll, setShowsAll] = useState(false);
  const [peeked, setPeeked] = useState<string | null>(null);
  if (gate.parents.length === 0) return null;
  if (error) return <p className="soft">The files before this gate could not be read: {error.message}</p>;
  if (!files) return <p className="faint">Files to review …</p>;
  if (files.length === 0) return <p className="soft">The jobs before it left no files.</p>;
  const shown = showsAll ? files : files.slice(0, FIRST_FILES);
  return (
    <div className="approvals-files">
      <h3>Files to review</h3>
      <ul>
        {shown.map((file) => {
          const key = fileKey(file);
          const isPeeked = peeked === key;
          return (
            <li key={key}>
              <FileLine file={file} isPeeked={isPeeked} onPeek={() => setPeeked(isPeeked ? null : key)} />
              {isPeeked && file.digest ? <FilePreview digest={file.digest} path={file.path} /> : null}
            </li>
          );
        })}
      </ul>
      {files.length > shown.length ? (
        <Button kind="quiet" onClick={() => setShowsAll(true)}>
          Show all {files.length.toLocaleString("en-US")} files
        </Button>
      ) : null}
    </div>
  );
}

function FileLine({ file, isPeeked, onPeek }: { file: LeftFile; isPeeked: boolean; onPeek: () => void }) {
  if (!file.digest) {
    return (
      <div className="approvals-file">
        <span className="cut" dir="auto" title={file.path}>
          {file.path}
        </span>
        <span className="faint">{file.reason ?? "not collected"}</span>
      </div>
    );
  }
  return (
    <div className="approvals-file">
      <button type="button" className="approvals-peek" aria-expanded={isPeeked} onClick={onPeek}>
        <span aria-hidden="true">{isPeeked ? "▾" : "▸"}</span>
        <span className="cut" dir="auto" title={file.path}>
          {file.path}
        </span>
      </button>
      <span className="faint num">{bytes(file.size_bytes)}</span>
      <a href={blobPath(file.digest, file.path)} download aria-label={`Download ${file.path}`}>
        Download
      </a>
    </div>
  );
}
