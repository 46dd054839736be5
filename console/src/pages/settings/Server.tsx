import { type Settings, useHealth } from "../../api/house";
import { Time } from "../../parts/Time";
import { Known } from "./Known";
import { Rules } from "./Rules";

/** What this server is: its version, home, addresses, model, limits, and what makes a run a critical intercept. */
export function Server() {
  const { data } = useHealth();
  return (
    <>
      <dl className="settings-facts">
        <dt>Version</dt>
        <dd>{data?.version ?? "–"}</dd>
        <dt>Up since</dt>
        <dd>
          <Time at={data?.started_at} /> (<Time at={data?.started_at} as="age" />)
        </dd>
        <dt>Model</dt>
        <dd>{data?.model ?? <span className="soft">none: jobs that ask for one are refused</span>}</dd>
      </dl>
      <Known>
        {(settings) => (
          <>
            <Facts settings={settings} />
            <Rules rules={[...settings.limits, ...settings.thresholds]} label="Limits" />
          </>
        )}
      </Known>
    </>
  );
}

function Facts({ settings }: { settings: Settings }) {
  return (
    <dl className="settings-facts">
      <dt>Addresses</dt>
      <dd className="mono">{settings.urls.join("  ")}</dd>
      <dt>Encrypted</dt>
      <dd>{settings.is_encrypted ? "yes, TLS" : "no: what is sent can be read on its way"}</dd>
      <dt>Tokens</dt>
      <dd>{settings.needs_token ? "needed with every request" : "not needed: this machine only"}</dd>
      {settings.allowed_hosts.length > 0 ? (
        <>
          <dt>Also asked as</dt>
          <dd>{settings.allowed_hosts.join(", ")}</dd>
        </>
      ) : null}
      <dt>Home</dt>
      <dd className="mono">{settings.home}</dd>
      <dt>Store</dt>
      <dd>
        {settings.store.kind === "sqlite" ? "SQLite" : "PostgreSQL"}{" "}
        <span className="mono">{settings.store.place}</span>
      </dd>
    </dl>
  );
}
