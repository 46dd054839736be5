import { Link } from "react-router";
import { trail } from "../../api/keyLevel";

/** The folders on the way to here; each leads back to itself. */
export function Trail({ prefix }: { prefix: string }) {
  const folders = trail(prefix);
  return (
    <nav className="store-trail" aria-label="Folders">
      <Link to="/store" aria-current={prefix === "" ? "page" : undefined}>
        All keys
      </Link>
      {folders.map((folder) => (
        <span key={folder.prefix} className="store-step">
          <span aria-hidden="true" className="faint">
            ›
          </span>
          <Link
            className="cut"
            dir="auto"
            to={`/store?prefix=${encodeURIComponent(folder.prefix)}`}
            aria-current={folder.prefix === prefix ? "page" : undefined}
          >
            {folder.name}
          </Link>
        </span>
      ))}
    </nav>
  );
}
