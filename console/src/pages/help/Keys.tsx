import { KEYS } from "../../app/keys";
import { PLACES } from "../../app/places";

const APPROVALS: readonly [string, string][] = [
  ["j  k", "Next, previous gate"],
  ["a", "Approve the chosen gate, after a question"],
  ["r", "Reject it, after a question"],
];

export function Keys() {
  return (
    <>
      <p>Keys rest while you type in a field, and while a dialog is open.</p>
      <h2>Everywhere</h2>
      <List of={KEYS} />
      <h2>To a page: g, then a letter</h2>
      <List of={PLACES.map((place) => [`g  ${place.letter}`, place.name] as const)} />
      <h2>On Approvals</h2>
      <List of={APPROVALS} />
    </>
  );
}

function List({ of }: { of: readonly (readonly [string, string])[] }) {
  return (
    <dl className="help-keys">
      {of.map(([keys, what]) => (
        <div key={keys}>
          <dt>
            {keys.split(/\s{2,}/).map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}
