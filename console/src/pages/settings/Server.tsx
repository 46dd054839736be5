export function Server() {
  return <p className="faint">…</p>;
}
