import { CopyButton } from "../../parts/CopyButton";
import { FilePreview } from "../../parts/FilePreview";
import { blobPath } from "../../parts/url";

/** A published file: its name, its digest, its beginning, and the file. */
export function ArtifactView({ name, digest }: { name: string; digest: string }) {
  return (
    <div className="store-value">
      <div className="row">
        <h3>Artifact</h3>
        <span dir="auto">{name}</span>
        <span className="store-push" />
        <a href={blobPath(digest, name)} download>
          Download
        </a>
      </div>
      <div className="row">
        <span className="faint mono cut" title={digest}>
          sha256:{digest.slice(0, 16)}…
        </span>
        <CopyButton text={digest} label="Copy digest" />
      </div>
      <FilePreview digest={digest} path={name} />
    </div>
  );
}
