import { Dialog } from "../parts/Dialog";
import { PLACES } from "./places";

const KEYS: readonly [string, string][] = [
  ["Ctrl K", "Go to a page, run, DAG or job"],
  ["/", "Search on this page"],
  ["j  k", "Next, previous row"],
  ["Enter", "Open the row"],
  ["x", "Show or hide the row's details"],
  ["Esc", "Close, leave the field"],
  ["?", "These keys"],
];

export function KeysHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([keys, what]) => (
          <Line key={keys} keys={keys} what={what} />
        ))}
        {PLACES.map((place) => (
          <Line key={place.path} keys={`g ${place.letter}`} what={place.name} />
        ))}
      </dl>
    </Dialog>
  );
}

function Line({ keys, what }: { keys: string; what: string }) {
  return (
    <div>
      <dt>
        <kbd>{keys}</kbd>
      </dt>
      <dd>{what}</dd>
    </div>
  );
}
