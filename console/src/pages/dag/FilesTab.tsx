import { fileKey, fileOf, useDagFiles } from "../../api/dags";
import type { Dag, LeftFile } from "../../api/types";
import { CopyButton } from "../../components/Button";
import { EmptyState, ErrorNotice } from "../../components/EmptyState";
import { FilePreview } from "../../components/FilePreview";
import { SearchField } from "../../components/fields";
import { bytes, count } from "../../components/format";
import { Time } from "../../components/Time";
import { blobPath, useUrl } from "../../components/url";
import { Cell, VirtualTable } from "../../components/VirtualTable";
import "./dag.css";

const COLUMNS = "var(--files-columns)"; // fewer columns on a phone

const NAV_ITEMS: Record<LeftFile["place"], string> = { workspace: "", archive: "in its archive", artifact: "artifact" };

/** The files of a DAG's jobs: workspace, archives and artifacts. */
export function FilesTab({ dag }: { dag: Dag }) {
  const [query, change] = useUrl();
  const { data, error, refetch } = useDagFiles(dag.dag_id);
  if (error && !data) return <ErrorNotice of={error} onRetry={refetch} />;
  if (!data) return <p className="faint">Loading …</p>;
  if (data.files.length === 0) {
    return (
      <EmptyState title="No files yet" command={'open("report.md", "w").write("# Done")'}>
        Files that jobs write into their working directory, upload or publish appear here when the attempt ends.
      </EmptyState>
    );
  }
  const q = query.get("q") ?? "";
  const files = byJob(data.files, dag).filter((file) => wordsOf(file).includes(q.toLowerCase()));
  const file = fileOf(query.get("file"), data.files);
  return (
    <div className="files" data-open={file ? "" : undefined}>
      <div className="files-list">
        <div className="row">
          <SearchField value={q} onChange={(value) => change({ q: value })} label="File, job or kind" />
          <span className="faint">
            {q ? `${files.length} of ` : ""}
            {count(data.files.length, "file")}
            {data.more ? " and more" : ""}
          </span>
        </div>
        <VirtualTable
          label="Files"
          rows={files}
          keyOf={fileKey}
          columns={COLUMNS}
          rowHeight={40}
          onOpen={(one) => change({ file: fileKey(one) }, true)}
          head={
            <>
              <Cell head>File</Cell>
              <Cell head className="truncate files-wide">
                Job
              </Cell>
              <Cell head className="num">
                Size
              </Cell>
              <Cell head className="truncate files-wide">
                Changed
              </Cell>
              <Cell head>
                <span className="sr-only">Download</span>
              </Cell>
            </>
          }
        >
          {(one) => <Row file={one} isChosen={one === file} />}
        </VirtualTable>
      </div>
      {file ? (
        <aside className="files-preview card" aria-label={`Preview of ${file.path}`}>
          <button type="button" className="button button-quiet files-close" onClick={() => change({ file: null })}>
            ✕<span className="sr-only"> Close the preview</span>
          </button>
          <Preview file={file} />
        </aside>
      ) : null}
    </div>
  );
}

function Row({ file, isChosen }: { file: LeftFile; isChosen: boolean }) {
  return (
    <>
      <Cell>
        <span dir="auto" title={file.path} className={isChosen ? "files-chosen" : undefined}>
          {file.path}
        </span>
        <span className="faint files-kind" data-job={file.job}>
          {" "}
          {NAV_ITEMS[file.place]}
        </span>
      </Cell>
      <Cell className="truncate files-wide">
        <span dir="auto" title={`${file.job}, attempt ${file.attempt}, on ${file.worker}`}>
          {file.job}
        </span>
      </Cell>
      <Cell className="num">{bytes(file.size_bytes)}</Cell>
      <Cell className="truncate files-wide">
        <Time at={file.modified_at} />
      </Cell>
      <Cell>
        {file.digest ? (
          <a href={blobPath(file.digest, file.path)} download aria-label={`Download ${file.path}`}>
            Download
          </a>
        ) : (
          <span className="faint" title={file.reason ?? undefined}>
            not stored
          </span>
        )}
      </Cell>
    </>
  );
}

function Preview({ file }: { file: LeftFile }) {
  if (!file.digest) {
    return (
      <p className="files-note soft">
        <bdi>{file.path}</bdi> is on {file.worker} only: {file.reason ?? "its content was not collected"}.
      </p>
    );
  }
  return (
    <>
      <header className="row files-head">
        <h2 className="truncate" dir="auto" title={file.path}>
          {file.path}
        </h2>
        <span className="faint">{bytes(file.size_bytes)}</span>
        <CopyButton text={file.digest} label="Copy digest" />
        <a className="button button-plain" href={blobPath(file.digest, file.path)} download>
          Download
        </a>
      </header>
      <FilePreview digest={file.digest} path={file.path} />
    </>
  );
}

/** Returns the files in the order of the DAG's jobs, each job's by path. */
function byJob(files: readonly LeftFile[], dag: Dag): LeftFile[] {
  const places = new Map((dag.jobs ?? []).map((job, place) => [job.job_id, place]));
  return [...files].sort((one, other) => (places.get(one.job_id) ?? 0) - (places.get(other.job_id) ?? 0));
}

function wordsOf(file: LeftFile): string {
  return `${file.path} ${file.job} ${NAV_ITEMS[file.place]}`.toLowerCase();
}
