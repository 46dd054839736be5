/** The Settings page and all its sections but Tokens. */

import { type ReactNode, useState } from "react";
import { useChange } from "../../api/changes";
import { clean, type Freed, type Rule, refetchHealth, type Settings, useHealth, useSettings } from "../../api/server";
import { signOut, useCanOperate, useSession } from "../../api/session";
import { chooseTheme, type Theme, useTheme } from "../../app/theme";
import { Button, CopyButton } from "../../components/Button";
import { ErrorNotice } from "../../components/EmptyState";
import { bytes, count, percent } from "../../components/format";
import { Page } from "../../components/Page";
import { Time } from "../../components/Time";
import { toastError } from "../../components/Toasts";
import { ABOUT_ROLE, Tokens } from "./Tokens";
import "./settings.css";

const SECTIONS = [
  { id: "account", name: "Account", Show: AccountSection },
  { id: "appearance", name: "Appearance", Show: AppearanceSection },
  { id: "tokens", name: "Tokens", Show: Tokens },
  { id: "retention", name: "Retention", Show: RetentionSection },
  { id: "maintenance", name: "Maintenance", Show: MaintenanceSection },
  { id: "notifications", name: "Notifications", Show: NotificationsSection },
  { id: "server", name: "Server", Show: ServerSection },
] as const;

/** The Settings page. */
export function SettingsPage() {
  return (
    <Page title="Settings">
      <div className="settings">
        <nav className="settings-nav" aria-label="Sections">
          {SECTIONS.map(({ id, name }) => (
            <a key={id} href={`#${id}`}>
              {name}
            </a>
          ))}
        </nav>
        <div className="settings-sections">
          {SECTIONS.map(({ id, name, Show }) => (
            <section key={id} id={id} className="card settings-section" aria-labelledby={`${id}-name`}>
              <h2 id={`${id}-name`}>{name}</h2>
              <Show />
            </section>
          ))}
        </div>
      </div>
    </Page>
  );
}

/** The caller's token and role. */
function AccountSection() {
  const { data, error, refetch } = useSession();
  const [isBusy, setIsBusy] = useState(false);
  if (error) return <ErrorNotice of={error} onRetry={refetch} />;
  if (!data) return <p className="faint">…</p>;
  async function leave(): Promise<void> {
    setIsBusy(true);
    await signOut().catch((problem: unknown) => {
      setIsBusy(false);
      toastError(problem);
    });
  }
  if (!data.is_signed_in) {
    return (
      <p className="soft">
        This server requires no token from programs on its machine: you have full access. It accepts other machines only
        when started with <code>--host</code>, and then requires tokens.
      </p>
    );
  }
  return (
    <>
      <dl className="settings-facts">
        <dt>Token</dt>
        <dd dir="auto">{data.name ?? "–"}</dd>
        <dt>Role</dt>
        <dd>
          {data.role ?? "–"} <span className="soft">{data.role ? `– ${ABOUT_ROLE[data.role] ?? ""}` : null}</span>
        </dd>
      </dl>
      <div className="row">
        <Button busy={isBusy} onClick={() => void leave()}>
          Sign out
        </Button>
      </div>
    </>
  );
}

const THEMES: readonly { theme: Theme; name: string }[] = [
  { theme: "system", name: "System" },
  { theme: "light", name: "Light" },
  { theme: "dark", name: "Dark" },
];

/** The theme, stored in this browser. */
function AppearanceSection() {
  const chosen = useTheme();
  return (
    <fieldset className="plain-fieldset settings-choices">
      <legend className="soft">Theme, in this browser</legend>
      {THEMES.map(({ theme, name }) => (
        <label key={theme} className="settings-choice">
          <input type="radio" name="theme" checked={theme === chosen} onChange={() => chooseTheme(theme)} />
          {name}
        </label>
      ))}
    </fieldset>
  );
}

/** The retention periods, and how to change them. */
function RetentionSection() {
  return (
    <>
      <p className="soft">Titan deletes expired runs every hour. Running work and pinned runs are kept.</p>
      <ServerSettings>
        {({ retention }) => (
          <>
            <SettingsTable rules={retention} label="Retention periods" />
            {retention[0] ? <Change command={howToChange(retention[0])} /> : null}
          </>
        )}
      </ServerSettings>
    </>
  );
}

function Change({ command }: { command: string }) {
  return (
    <>
      <p className="soft">Set them as environment variables of the server; 0 means forever:</p>
      <div className="settings-command">
        <code>{command}</code>
        <CopyButton text={command} />
      </div>
    </>
  );
}

/** Disk usage, and deletion of expired data after a dry run. */
function MaintenanceSection() {
  const { data, error, refetch } = useHealth();
  const canChange = useCanOperate();
  const [freed, setFreed] = useState<Freed | null>(null);
  const change = useChange(
    clean,
    (answer) => (answer && !answer.is_dry_run ? "Cleaned" : null),
    (answer) => {
      setFreed(answer ?? null);
      refetchHealth();
    },
  );
  const hasSomething = freed !== null && freedLines(freed).length > 0;
  return (
    <>
      {error ? <ErrorNotice of={error} onRetry={refetch} /> : null}
      {data ? (
        <p>
          {bytes(data.storage.free_bytes)} free on the home's disk.{" "}
          {data.storage.is_low ? (
            <strong className="settings-problem">
              ⚠ Low disk space: Titan accepts no new work until space is free. Running jobs continue.
            </strong>
          ) : null}
        </p>
      ) : null}
      <p className="soft">Titan deletes expired data every hour. To check now:</p>
      {freed ? <FreedList freed={freed} /> : null}
      {canChange ? (
        <div className="row">
          <Button busy={change.isPending} onClick={() => change.run(true)}>
            Show what would be deleted
          </Button>
          {freed?.is_dry_run && hasSomething ? (
            <Button kind="danger" busy={change.isPending} onClick={() => change.run(false)}>
              Delete now
            </Button>
          ) : null}
        </div>
      ) : (
        <p className="faint">Cleaning up requires the role admin.</p>
      )}
    </>
  );
}

function FreedList({ freed }: { freed: Freed }) {
  const lines = freedLines(freed);
  return (
    <div role="status" className="settings-gone">
      {lines.length === 0 ? (
        <p>{freed.is_dry_run ? "Nothing has expired." : "Nothing had expired."}</p>
      ) : (
        <>
          <p>{freed.is_dry_run ? "Would be deleted, at least:" : "Deleted:"}</p>
          <ul>
            {lines.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </>
      )}
      {freed.database_unused_bytes > 0 ? (
        <p className="faint">
          {bytes(freed.database_unused_bytes)} are free inside the database's file; it fills them again before it grows.
        </p>
      ) : null}
    </div>
  );
}

const COMMAND = "TITAN_NOTIFY=https://example.com/hook,https://hooks.slack.com/services/T000/B000/XXXX titan up";

/** The notification addresses. */
function NotificationsSection() {
  return (
    <>
      <p className="soft">
        Titan notifies when a gate opens, a run or DAG fails, or no worker takes a job for half a minute.
      </p>
      <ServerSettings>
        {({ notifications }) =>
          notifications.length === 0 ? (
            <>
              <p>No addresses yet. Give the server some, separated by commas:</p>
              <div className="settings-command">
                <code>{COMMAND}</code>
                <CopyButton text={COMMAND} />
              </div>
            </>
          ) : (
            <>
              <ul className="settings-list mono">
                {notifications.map((address, index) => (
                  <li key={`${index} ${address}`}>{address}</li>
                ))}
              </ul>
              <p className="soft">
                Shortened: the rest may be a secret. They are set by <code>TITAN_NOTIFY</code> where the server starts.
              </p>
            </>
          )
        }
      </ServerSettings>
    </>
  );
}

/** The server: version, model, addresses, limits and thresholds. */
function ServerSection() {
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
        <dd>{data?.model ?? <span className="soft">none: jobs that use a model fail</span>}</dd>
      </dl>
      <ServerSettings>
        {(settings) => (
          <>
            <ServerFacts settings={settings} />
            <SettingsTable rules={[...settings.limits, ...settings.thresholds]} label="Limits" />
          </>
        )}
      </ServerSettings>
    </>
  );
}

function ServerFacts({ settings }: { settings: Settings }) {
  return (
    <dl className="settings-facts">
      <dt>Addresses</dt>
      <dd className="mono">{settings.urls.join("  ")}</dd>
      <dt>Encrypted</dt>
      <dd>{settings.is_encrypted ? "yes, TLS" : "no: traffic can be read in transit"}</dd>
      <dt>Tokens</dt>
      <dd>{settings.needs_token ? "needed with every request" : "not needed: this machine only"}</dd>
      {settings.allowed_hosts.length > 0 ? (
        <>
          <dt>Allowed hosts</dt>
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

/** Renders the server's settings, with permission. */
function ServerSettings({ children }: { children: (settings: Settings) => ReactNode }) {
  const isAllowed = useCanOperate();
  const { data, error, refetch } = useSettings(isAllowed);
  if (!isAllowed) return <p className="soft">Server settings are visible to admins of all projects.</p>;
  if (error) return <ErrorNotice of={error} onRetry={refetch} />;
  return data ? children(data) : <p className="faint">…</p>;
}

/** A table of numeric settings. */
function SettingsTable({ rules, label }: { rules: readonly Rule[]; label: string }) {
  return (
    <div className="settings-scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="settings-table">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col" className="num">
              Value
            </th>
            <th scope="col">Variable</th>
          </tr>
        </thead>
        <tbody>
          {rules.map((rule) => (
            <tr key={rule.name}>
              <td>{rule.help}</td>
              <td className="num settings-value">{shownValue(rule)}</td>
              <td className="mono">{rule.name}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Returns the value with its unit; 0 means no limit. */
export function shownValue(rule: Rule): string {
  if (rule.unit === "share") return percent(rule.value);
  if (rule.unit === "times") return rule.value ? count(rule.value, "time") : "never";
  if (rule.value === 0) return rule.unit === "days" ? "forever" : "no limit";
  if (rule.unit === "bytes") return bytes(rule.value);
  return count(rule.value, rule.unit.replace(/s$/, ""));
}

/** Returns the command that starts the server with another value. */
export function howToChange(rule: Rule): string {
  return `${rule.name}=${rule.value} titan up`;
}

/** Returns a line for each kind of deleted data. */
export function freedLines(freed: Freed): string[] {
  const kinds: [number, string, string, number?][] = [
    [freed.runs, "agent run", "agent runs"],
    [freed.dags, "DAG", "DAGs"],
    [freed.jobs, "job", "jobs"],
    [freed.logs, "log", "logs", freed.log_bytes],
    [freed.journal_entries, "journal entry", "journal entries"],
    [freed.recorded, "recorded run", "recorded runs"],
    [freed.archived, "recorded run archived", "recorded runs archived"],
    [freed.workers, "lost or left worker", "lost or left workers"],
    [freed.files, "uploaded file", "uploaded files"],
    [freed.keys, "published key", "published keys"],
    [freed.blobs, "unreferenced blob", "unreferenced blobs", freed.blob_bytes],
  ];
  return kinds
    .filter(([amount]) => amount > 0)
    .map(([amount, one, many, size]) => {
      const text = `${amount.toLocaleString("en-US")} ${amount === 1 ? one : many}`;
      return size === undefined ? text : `${text}, ${bytes(size)}`;
    });
}
