export function Notifications() {
  return <p className="faint">…</p>;
}
