import { Link } from "react-router";
import { Dialog } from "../parts/Dialog";
import { KEYS } from "./keys";
import { PLACES } from "./places";

export function KeysHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      <dl className="keys">
        {KEYS.map(([keys, what]) => (
          <Line key={keys} keys={keys} what={what} />
        ))}
        {PLACES.map((place) => (
          <Line key={place.path} keys={`g  ${place.letter}`} what={place.name} />
        ))}
      </dl>
      <p className="soft">
        Some pages have keys of their own:{" "}
        <Link to="/help/keys" onClick={onClose}>
          all keys
        </Link>
        .
      </p>
    </Dialog>
  );
}

function Line({ keys, what }: { keys: string; what: string }) {
  return (
    <div>
      <dt>
        {keys.split(/\s{2,}/).map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{what}</dd>
    </div>
  );
}
