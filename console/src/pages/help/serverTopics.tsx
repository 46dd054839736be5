/** Help on the server: troubleshooting and network. */
import { Link } from "react-router";
import { Snippet } from "../../components/Button";

export function Troubleshooting() {
  return (
    <>
      <p>
        Every error names its subject, what was expected, what was found and the next step: start there. Two commands
        know more than any page: the first looks at everything, the second shows why a job is in its state.
      </p>
      <Snippet text={"titan doctor\ntitan jobs show JOB --history"} />

      <h2 id="waits">A job waits</h2>
      <p>Its status says for what; its history names the parent, worker or time.</p>
      <dl>
        <dt>Waiting</dt>
        <dd>A parent is not done, its delay is not over, or others hold the places of its concurrency key.</dd>
        <dt>Needs approval</dt>
        <dd>
          It is a gate: somebody has to <Link to="/approvals">decide</Link>. See <Link to="/help/gates">gates</Link>.
        </dd>
        <dt>Ready</dt>
        <dd>
          It wants a worker. Either all slots are busy, or <a href="#no-worker">no worker offers</a> what it requires.
        </dd>
      </dl>

      <h2 id="failed">A job failed</h2>
      <p>
        Open it: the reason stands under its status, the output of every attempt in its log. Exit code 0 is success,
        anything else a failure.
      </p>
      <dl>
        <dt>ModuleNotFoundError</dt>
        <dd>
          The job runs in the Python of its worker: install the package into the environment that runs the worker.
        </dd>
        <dt>Timed out</dt>
        <dd>It ran longer than its timeout. Give it more, or find in its log where it stood still.</dd>
        <dt>Lost</dt>
        <dd>Its worker or machine was gone. Nothing to do: it is repeated, three times at most.</dd>
        <dt>Cancelled, and nobody cancelled it</dt>
        <dd>A job before it failed for good; the reason names it.</dd>
        <dt>ModelNotConfigured</dt>
        <dd>The server was started without a language model: see TITAN_MODEL in the guide.</dd>
        <dt>OpenAIError: Missing credentials</dt>
        <dd>
          OpenAI clients refuse to start without a key. Set <code>OPENAI_API_KEY=none</code>, or a token if the server
          needs one.
        </dd>
      </dl>
      <p>
        When the cause is mended, <Link to="/help/resume">try again</Link>: what is done is kept.
      </p>

      <h2 id="no-worker">No worker</h2>
      <p>
        Each worker offers labels with slots, and a job requires one label. Where none is connected that offers it, the
        job stays ready. <Link to="/workers">Workers</Link> shows who offers what. Start one:
      </p>
      <Snippet text="titan workers join http://127.0.0.1:5000 --offer GPU:1" />
      <p>
        From another machine it needs a token of the role worker: see <Link to="/help/network">network</Link>.
      </p>

      <h2 id="find-run">Can't find my run</h2>
      <p>
        Where a list finds nothing, it tries the same in all time and with agents of a similar name, and offers what it
        found. Else look at these:
      </p>
      <dl>
        <dt>The time window</dt>
        <dd>
          The list shows 7 days by default: try <Link to="/runs?window=all">All time</Link>. A run that goes on is in
          every window.
        </dd>
        <dt>The agent's id</dt>
        <dd>
          It must be met exactly. <Link to="/registry">Agents</Link> lists every one that has made a run.
        </dd>
        <dt>Another server</dt>
        <dd>A run is on the server that its program named, and nowhere else: look whether that is this one.</dd>
        <dt>Archived</dt>
        <dd>
          Old runs are archived: <Link to="/runs?window=all&archived=yes">show archived ones too</Link>.
        </dd>
        <dt>It never came</dt>
        <dd>
          A program that cannot reach the server keeps what it records on its disk, and says so on its standard error.
          It is delivered when the server is back. For OpenTelemetry, look whether{" "}
          <code>OTEL_EXPORTER_OTLP_ENDPOINT</code> is this server's address.
        </dd>
      </dl>

      <h2 id="no-data">Inputs or outputs are not shown</h2>
      <dl>
        <dt>Too large</dt>
        <dd>Of what is over 64 KiB the beginning is shown, with its size and digest; the whole of it is a download.</dd>
        <dt>Binary</dt>
        <dd>Its type, size and first bytes are shown, images as images; the rest is a download.</dd>
        <dt>Redacted</dt>
        <dd>
          Keys, tokens and card numbers are taken away before anything is stored. A marker such as{" "}
          <code>[redacted:openai_key]</code> stands where one was; nobody can bring it back.
        </dd>
        <dt>Kept out</dt>
        <dd>Content capture is off for the project: names, costs and times are stored all the same.</dd>
      </dl>

      <h2 id="determinism-score">Determinism score seems wrong</h2>
      <p>
        The score is based on automated analysis, which may miss issues and may name what does not matter. Go this way:
      </p>
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
          The run goes on or ended a moment ago; it made no calls (<code>no_calls</code>); or the inputs and outputs of
          its calls are not stored (<code>outputs_missing</code>).
        </dd>
      </dl>

      <h2 id="offline">The console says Offline</h2>
      <p>
        The server does not answer this page. Jobs go on under their workers, and what is on the screen is from before;
        the page tries again by itself and misses nothing.
      </p>
      <dl>
        <dt>The server has ended</dt>
        <dd>
          Start it on the same home, <code>titan up</code>: it takes up what was there.
        </dd>
        <dt>A proxy is between</dt>
        <dd>
          It may cut off what stays open: see <Link to="/help/network#proxy">proxies</Link>.
        </dd>
        <dt>The token was revoked or has expired</dt>
        <dd>Then the page asks for another one.</dd>
      </dl>

      <h2 id="refused">Something was refused</h2>
      <dl>
        <dt>Unauthorized</dt>
        <dd>The server wants a token, and none came, or one that is unknown, expired or revoked.</dd>
        <dt>Forbidden</dt>
        <dd>
          The token's role does not allow it, or a page of another address asked: use the address that{" "}
          <code>titan up</code> prints.
        </dd>
        <dt>StoreFull</dt>
        <dd>
          The disk is almost full; nothing was half written. Make room, or{" "}
          <Link to="/settings#maintenance">clean up</Link>.
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
      <p>Nothing you see here comes from another host, and nothing is sent to one.</p>

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

      <h2 id="tokens">Who gets in</h2>
      <dl>
        <dt>
          <code>titan up</code>
        </dt>
        <dd>Programs on this machine, without a token.</dd>
        <dt>
          <code>titan up --require-token</code>
        </dt>
        <dd>The same, each with a token; and through a proxy everybody who has one.</dd>
        <dt>
          <code>titan up --host 0.0.0.0</code>
        </dt>
        <dd>The network, with a token. Make the first one before the start.</dd>
      </dl>
      <Snippet text={"titan tokens create laptop\ntitan tokens create gpu-box --role worker --trusted --expires 30d"} />
      <p>
        What the jobs of a worker without <code>--trusted</code> submit runs on workers of the same token only. Further
        tokens are made under <Link to="/settings#tokens">Settings</Link>. A program sends its token from{" "}
        <code>TITAN_TOKEN</code>; a person signs in with one here, and the browser keeps a cookie that no script can
        read.
      </p>

      <h2 id="tls">TLS</h2>
      <Snippet text="titan up --host 0.0.0.0 --tls-cert fullchain.pem --tls-key privkey.pem" />
      <p>
        Both ports then speak TLS. Without it a token crosses the network readable. After a renewal of the certificate
        restart the server: jobs and clients wait for it.
      </p>

      <h2 id="proxy">Behind a proxy</h2>
      <p>
        To Titan everything then seems to come from this machine, so <code>--require-token</code> is what keeps the
        network out; <code>--allow-host</code> names the proxy, so that its pages may change things.
      </p>
      <Snippet text="titan up --require-token --allow-host titan.example.org" />
      <p>
        The proxy has to let WebSockets through and to buffer nothing; Caddy does with <code>flush_interval -1</code>,
        nginx with this. Without WebSockets the console listens by server-sent events.
      </p>
      <Snippet text={NGINX} />

      <h2 id="workers">Workers elsewhere</h2>
      <Snippet text={"export TITAN_TOKEN=titan_…\ntitan workers join https://titan.example.org:5000 --offer GPU:1"} />
      <p>They call the server, never the other way round: a worker needs no open port.</p>
    </>
  );
}
