export function Retention() {
  return <p className="faint">…</p>;
}
