/** Help on the server: troubleshooting and network. */
import { Link } from "react-router";
import { Snippet } from "../../components/Button";

export function Troubleshooting() {
  return (
    <>
      <p>
        Every error names its subject, what was expected, what was found and the next step. Two commands help further:
        the first checks the whole installation, the second shows why a job is in its state.
      </p>
      <Snippet text={"titan doctor\ntitan jobs show JOB --history"} />

      <h2 id="waits">A job waits</h2>
      <p>Its status shows the reason; its history names the parent, worker or time.</p>
      <dl>
        <dt>Waiting</dt>
        <dd>A parent has not completed, its delay is not over, or the limit of its concurrency key is reached.</dd>
        <dt>Needs approval</dt>
        <dd>
          It is a gate that somebody must <Link to="/approvals">decide</Link>. See <Link to="/help/gates">gates</Link>.
        </dd>
        <dt>Ready</dt>
        <dd>
          It waits for a worker. Either all slots are busy, or <a href="#no-worker">no worker offers</a> what it
          requires.
        </dd>
      </dl>

      <h2 id="failed">A job failed</h2>
      <p>
        Open it: its panel shows the reason, its log the output of every attempt. Exit code 0 is success, any other a
        failure.
      </p>
      <dl>
        <dt>ModuleNotFoundError</dt>
        <dd>
          The job runs in the Python of its worker: install the package into the environment that runs the worker.
        </dd>
        <dt>Timed out</dt>
        <dd>It ran longer than its timeout. Raise the timeout, or find in its log where it hung.</dd>
        <dt>Lost</dt>
        <dd>Its worker or machine was lost. Titan repeats it, three times at most.</dd>
        <dt>Cancelled by Titan</dt>
        <dd>A parent failed; the reason names it.</dd>
        <dt>ModelNotConfigured</dt>
        <dd>The server was started without a language model: see TITAN_MODEL in the guide.</dd>
        <dt>OpenAIError: Missing credentials</dt>
        <dd>
          OpenAI clients refuse to start without a key. Set <code>OPENAI_API_KEY=none</code>, or a token if the server
          needs one.
        </dd>
      </dl>
      <p>
        When the cause is fixed, <Link to="/help/resume">retry</Link>: completed jobs are kept.
      </p>

      <h2 id="no-worker">No worker</h2>
      <p>
        Each worker offers labels with slots, and a job requires one label. Without a connected worker that offers it,
        the job stays ready. <Link to="/workers">Workers</Link> shows who offers what. Start one:
      </p>
      <Snippet text="titan workers join http://127.0.0.1:5000 --offer GPU:1" />
      <p>
        From another machine it needs a token of the role worker: see <Link to="/help/network">network</Link>.
      </p>

      <h2 id="find-run">Can't find my run</h2>
      <p>
        An empty list also searches all time and agents with similar names, and offers what it finds. Otherwise check:
      </p>
      <dl>
        <dt>The time window</dt>
        <dd>
          The list shows 7 days by default: try <Link to="/runs?window=all">All time</Link>. A running run is in every
          window.
        </dd>
        <dt>The agent's id</dt>
        <dd>
          It must match exactly. <Link to="/registry">Agents</Link> lists all agents with runs.
        </dd>
        <dt>Another server</dt>
        <dd>A run is only on the server that its program connected to. Check that it is this one.</dd>
        <dt>Archived</dt>
        <dd>
          Old runs are archived: <Link to="/runs?window=all&archived=yes">show archived ones too</Link>.
        </dd>
        <dt>Not delivered</dt>
        <dd>
          A program that cannot reach the server stores its recording on disk and prints a warning. It delivers it when
          the server is back. For OpenTelemetry, check that <code>OTEL_EXPORTER_OTLP_ENDPOINT</code> is this server's
          address.
        </dd>
      </dl>

      <h2 id="no-data">Inputs or outputs are not shown</h2>
      <dl>
        <dt>Too large</dt>
        <dd>Above 64 KiB the page shows the beginning, size and digest. Download the whole content.</dd>
        <dt>Binary</dt>
        <dd>The page shows type, size and first bytes, and images. Download the rest.</dd>
        <dt>Redacted</dt>
        <dd>
          Keys, tokens and card numbers are redacted before anything is stored. A marker such as{" "}
          <code>[redacted:openai_key]</code> replaces each; the value cannot be restored.
        </dd>
        <dt>Not captured</dt>
        <dd>Content capture is off for the project: names, costs and times are stored all the same.</dd>
      </dl>

      <h2 id="determinism-score">Determinism score seems wrong</h2>
      <p>The score is based on automated analysis, which may miss issues and may report harmless ones:</p>
      <dl>
        <dt>Too high</dt>
        <dd>
          Check by hand: on the run's tab Simulation (<kbd>s</kbd>) replay it, or compare it with another run, and look
          at the divergences. Then <Link to="/help/determinism#measured">measure</Link> it.
        </dd>
        <dt>Too low</dt>
        <dd>
          Some non-determinism is acceptable, as a timestamp in a log:{" "}
          <Link to="/help/determinism#accept">accept the issue</Link> with a reason.
        </dd>
        <dt>Predicted, and not measured</dt>
        <dd>The lower one counts. A measurement of other code or other packages is shown and does not count.</dd>
        <dt>No score</dt>
        <dd>
          The run has not ended, or ended a moment ago; it made no calls (<code>no_calls</code>); or the inputs and
          outputs of its calls are not stored (<code>outputs_missing</code>).
        </dd>
      </dl>

      <h2 id="offline">The console says Offline</h2>
      <p>
        The server does not respond. Running jobs continue, and the page shows the last data it received. It reconnects
        by itself and misses no event.
      </p>
      <dl>
        <dt>The server has stopped</dt>
        <dd>
          Start it with the same home, <code>titan up</code>: it continues where it stopped.
        </dd>
        <dt>A proxy in between</dt>
        <dd>
          It may close open connections: see <Link to="/help/network#proxy">proxies</Link>.
        </dd>
        <dt>The token was revoked or has expired</dt>
        <dd>The page then asks for another one.</dd>
      </dl>

      <h2 id="refused">Refused requests</h2>
      <dl>
        <dt>Unauthorized</dt>
        <dd>The server requires a token, and the request had none, or one that is unknown, expired or revoked.</dd>
        <dt>Forbidden</dt>
        <dd>
          The token's role does not allow it, or the page has another address: use the one that <code>titan up</code>{" "}
          prints.
        </dd>
        <dt>StoreFull</dt>
        <dd>
          The disk is almost full; nothing was written. Free space, or <Link to="/settings#maintenance">clean up</Link>.
        </dd>
      </dl>
    </>
  );
}

const NGINX = `location / {
    proxy_pass http://127.0.0.1:5000;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Upgrade $http_upgrade;   # live events
    proxy_set_header Connection $http_connection;
    proxy_buffering off;
    proxy_read_timeout 75s;
}`;

export function Network() {
  return (
    <>
      <p>The console loads nothing from other hosts, and sends nothing to them.</p>

      <h2 id="ports">Ports</h2>
      <dl>
        <dt>5000</dt>
        <dd>
          This console and the API; <code>titan up --port</code> takes another.
        </dd>
        <dt>9090</dt>
        <dd>
          The same, where programs and workers look for it; <code>--sdk-port</code> and <code>TITAN_PORT</code>.
        </dd>
      </dl>
      <p>On macOS another program often has port 5000 (AirPlay):</p>
      <Snippet text="titan up --port 5001" />

      <h2 id="tokens">Access</h2>
      <dl>
        <dt>
          <code>titan up</code>
        </dt>
        <dd>Programs on this machine, without a token.</dd>
        <dt>
          <code>titan up --require-token</code>
        </dt>
        <dd>The same, with a token; through a proxy, everybody with a token.</dd>
        <dt>
          <code>titan up --host 0.0.0.0</code>
        </dt>
        <dd>The network, with a token. Create the first one before the start.</dd>
      </dl>
      <Snippet text={"titan tokens create laptop\ntitan tokens create gpu-box --role worker --trusted --expires 30d"} />
      <p>
        Jobs that a worker's jobs submit run only on workers with the same token, unless it is <code>--trusted</code>.
        Create further tokens under <Link to="/settings#tokens">Settings</Link>. A program sends its token from{" "}
        <code>TITAN_TOKEN</code>; a person signs in with one here, and the browser keeps a cookie that no script can
        read.
      </p>

      <h2 id="tls">TLS</h2>
      <Snippet text="titan up --host 0.0.0.0 --tls-cert fullchain.pem --tls-key privkey.pem" />
      <p>
        Both ports then use TLS. Without it, tokens are sent unencrypted. After renewing the certificate restart the
        server: jobs and clients wait for it.
      </p>

      <h2 id="proxy">Behind a proxy</h2>
      <p>
        All requests then seem to come from this machine, so <code>--require-token</code> must protect the server;{" "}
        <code>--allow-host</code> names the proxy, so that its pages may change data.
      </p>
      <Snippet text="titan up --require-token --allow-host titan.example.org" />
      <p>
        The proxy must pass WebSockets and not buffer responses. Caddy does with <code>flush_interval -1</code>, nginx
        with the configuration below. Without WebSockets the console uses server-sent events.
      </p>
      <Snippet text={NGINX} />

      <h2 id="workers">Workers on other machines</h2>
      <Snippet text={"export TITAN_TOKEN=titan_…\ntitan workers join https://titan.example.org:5000 --offer GPU:1"} />
      <p>Workers connect to the server, never the other way round: a worker needs no open port.</p>
    </>
  );
}
