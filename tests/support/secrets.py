"""Texts that hold secrets, made up from their prefixes, and texts that only look as if they did."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import uuid
from typing import Final

_RANDOM: Final = random.Random(5)
_ALPHANUMERIC: Final = string.ascii_letters + string.digits


def made(prefix: str, length: int, letters: str = _ALPHANUMERIC) -> str:
    """Return a prefix and random letters behind it: nobody's secret, and no scanner's alarm in this file."""
    body = "".join(_RANDOM.choices(letters, k=length - 2))
    return f"{prefix}a1{body}"


def _pem() -> str:
    lines = [base64.b64encode(_RANDOM.randbytes(48)).decode() for _ in range(4)]
    return "\n".join([*lines, "YWJj="])


def _jwt() -> str:
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": "HS256"}, {"sub": "1", "n": "a"})]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"0" * 32))


def sentry_token() -> str:
    """Return an organisation's token as Sentry makes it: what it is for, in base64, and a secret."""
    payload = {"iat": 1687336543.69859, "url": None, "region_url": "https://us.sentry.io", "org": "shop"}
    secret = base64.b64encode(_RANDOM.randbytes(32)).decode().rstrip("=")
    return f"sntrys_{base64.b64encode(json.dumps(payload).encode()).decode()}_{secret}"


def discord_token(bot: int) -> str:
    """Return a bot's token as Discord makes it: its id in base64, a time, and a signature."""
    written = base64.b64encode(str(bot).encode()).decode().rstrip("=")
    return f"{written}.{made('G', 5)}.{made('', 38, _ALPHANUMERIC + '_-')}"


_KEY: Final = _pem()

#: Name of the pattern, a text in which `{}` stands for the secret, and the secret.
SECRETS: Final = [
    ("anthropic_key", "use {}, please", made("sk-ant-api03-", 93, _ALPHANUMERIC + "_-")),
    ("openai_key", "export KEY {}", made("sk-proj-", 60, _ALPHANUMERIC + "_-")),
    ("openai_key", "({})", made("sk-", 48)),
    ("openai_key", "x{}", made("sk-proj-", 20) + "T3BlbkFJ" + made("", 20)),
    ("openai_key", "call_{}", made("sk-", 20) + "T3BlbkFJ" + made("", 20)),
    ("anthropic_key", "x{}", made("sk-ant-api03-", 93, _ALPHANUMERIC + "_-")),
    ("github_token", "tool{}", made("ghp_", 36)),
    *(
        ("encoded_key", '<"b64": "{}">', base64.b64encode(f"{key}{end}".encode()).decode())
        for key in (made("sk-proj-", 60), made("ghp_", 36), made("xoxb-", 40), made("github_pat_", 82))
        for end in ("", "\n")
    ),
    ("openai_key", "{}", made("sk-or-v1-", 64, "0123456789abcdef")),
    ("openai_key", "{}", f"sk-lf-{uuid.UUID(int=_RANDOM.getrandbits(128))}"),
    ("google_key", "?key={}&q=1", made("AIza", 35, _ALPHANUMERIC + "_")),
    ("huggingface_token", "{}\n", made("hf_", 34)),
    ("model_key", "groq: {}", made("gsk_", 52)),
    ("model_key", "xai {}.", made("xai-", 80)),
    ("model_key", "{}", made("tvly-dev-", 32)),
    ("aws_key_id", "id={};", made("AKIA", 16, string.ascii_uppercase).replace("a1", "A2")),
    ("google_oauth", "{}", made("ya29.", 60)),
    ("google_oauth", "{}", made("GOCSPX-", 28)),
    ("github_token", "https://{}:x-oauth-basic", made("ghp_", 36)),
    ("github_token", "{}", made("github_pat_", 82)),
    ("gitlab_token", "{}", made("glpat-", 20)),
    ("slack_token", "{}", made("xoxb-", 40)),
    ("slack_token", "{}", made("xapp-1-", 40)),
    ("slack_webhook", "https://hooks.slack.com/services/{} ", made("T", 8) + "/" + made("B", 8) + "/" + made("", 24)),
    ("stripe_key", "{}", made("sk_" + "live_", 24)),
    ("stripe_key", "{}", made("rk_" + "test_", 24)),
    ("stripe_key", "{}", made("whsec_", 32)),
    ("sendgrid_key", "{}", made("SG.", 22) + "." + made("", 43)),
    ("telegram_token", "/bot {}/getMe", made("110201543:AA", 33)),
    ("service_token", "{}", made("npm_", 36)),
    ("service_token", "{}", made("dop_v1_", 64, "0123456789abcdef")),
    ("service_token", "{}", made("dp.pt.", 43)),
    ("service_token", "VAULT_ADDR x, token {}.", made("hvs.", 24)),
    ("service_token", "vault login {}", made("hvs.CAESI", 90, _ALPHANUMERIC + "_-")),
    ("service_token", "({})", made("hvb.AAAAAQ", 140, _ALPHANUMERIC + "_-")),
    ("service_token", "{}", made("hvr.", 24)),
    ("service_token", "use {} for it", f"dapi{_RANDOM.randbytes(16).hex()}"),
    ("service_token", "use {}, then", f"dapi{_RANDOM.randbytes(16).hex()}-2"),
    ("service_token", "X-Figma: {}\n", made("figd_", 40, _ALPHANUMERIC + "_-")),
    ("service_token", "sentry-cli login {}", f"sntryu_{_RANDOM.randbytes(32).hex()}"),
    ("service_token", "sentry-cli login {} ", sentry_token()),
    *(("discord_token", "client.run('{}')", discord_token(bot)) for bot in (80351110224678912, 1301590567989547028)),
    ("discord_token", "It is {}.", discord_token(198622483471925248)),
    ("titan_token", "{}", made("pk_" + "live_", 40, "0123456789abcdef")),
    ("titan_token", "{}", made("titan_" + "job_", 32, "0123456789abcdef")),
    ("titan_token", "{}", made("titan_" + "run_", 43)),
    ("titan_token", "{}", made("titan_", 12, "0123456789abcdef") + made("_", 64, "0123456789abcdef")),
    ("jwt", "cookie {};", _jwt()),
    ("private_key", "-----BEGIN RSA PRIVATE KEY-----{}-----END RSA PRIVATE KEY-----", f"\n{_KEY}\n"),
    (
        "private_key",
        "x -----BEGIN EC PRIVATE KEY-----{}-----END EC PRIVATE KEY-----",
        f"\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n{_KEY}\n",
    ),
    ("private_key", "-----BEGIN PRIVATE KEY-----{}", "\\n" + _KEY.replace("\n", "\\n")),
    ("bearer_token", "Authorization: Bearer {}", made("", 40)),
    ("basic_auth", "curl -H 'Authorization: Basic {}'", base64.b64encode(b"admin:hunter2").decode()),
    ("url_password", "postgres://app:{}@db:5432/x", "s3cr-t:%2F"),
    ("url_password", "redis://:{}@cache", "hunter2"),
    ("connection_string", "Server=db;Uid=sa;Password={}", "P@ss1"),
    ("connection_string", "pwd={};Server=db", "P@ss1"),
    ("connection_string", "AccountName=a;AccountKey={};EndpointSuffix=core", made("", 86) + "=="),
    ("assigned_secret", 'password = "{}"', "correct-horse"),
    ("assigned_secret", 'db_password: "{}",', 'a\\"bcdef'),
    ("assigned_secret", "'api_key': '{}'", "0a1b2c3d"),
    ("assigned_secret", 'log {\\"client_secret\\": \\"{}\\"}'.replace("{\\", "<\\").replace('"}', '">'), "0a1b2c3d"),
    ("assigned_secret", "export OPENAI_API_KEY={}\n", "0a1b2c3d"),
    ("assigned_secret", "I tried password={} and it failed", "hunter2hunter2"),
    ("assigned_secret", "(db_passwd={}, user=ann)", "hunter2!"),
    ("assigned_secret", "https://api.example.com/x?user=ann&token={}&page=2", "0a1b2c3d4e"),
    ("assigned_secret", "https://api.example.com/x?api_key={}", "0a1b2c3d4e"),
    ("assigned_secret", "login with Pwd={}", "hunter2hunter2"),
    ("assigned_secret", "client_secret={} of the app", "0a1b2c3d"),
    ("assigned_secret", "user: ann\npassword: {}\nport: 5432\n", "hunter2yaml77"),
    ("assigned_secret", "db:\r\n  - DB_PASSWORD:\t{}\r\n", "s3cr-t!"),
    ("assigned_secret", "Your new password: {}", "hunter2"),
    ("assigned_secret", "api_key: {}", "0a1b2c3d4e5f"),
    ("assigned_secret", "auth_token: {}\n", "0a1b2c3d4e5f"),
    ("assigned_secret", "client-secret: {}\n", "wJa1rXUtnFEMI/K7MDENG/bPx"),
    ("assigned_secret", "<config><password>{}</password></config>", "hunterxml"),
    ("assigned_secret", '<ns:DbPassword type="plain">{}</ns:DbPassword>', "hunter-xml"),
    ("assigned_secret", "<ApiKey>{}</ApiKey>", "0a1b2c3d4e5f"),
    ("assigned_secret", "curl -sS -u admin:{} https://example.com/x", "hunter2curl"),
    ("assigned_secret", "$ curl -X POST --user 'admin:{}' https://example.com", "huntercurl"),
    ("assigned_secret", "mysql -h db --password {} -e 'select 1'", "hunter2cli"),
    ("assigned_secret", "deploy --api-key '{}'", "0a1b2c3d4e5f"),
    ("assigned_secret", "mysql -u root -p{} shop < dump.sql", "hunterdb"),
    ("assigned_secret", "sshpass -p '{}' ssh -p 2222 ann@host", "hunterssh"),
    ("assigned_secret", "docker login -u ann -p {} registry.example.com", "s3cr-t!x"),
    ("assigned_secret", "helm registry login --username ann \\\n  -p {} example.com", "hunterhelm"),
    ("assigned_secret", "mongodump --port 27017 -u ann -p {} --db shop", "hunter2"),
    ("assigned_secret", "redis-cli -h cache -a {} ping; unzip a.zip", "hunterredis"),
    ("assigned_secret", "unzip -P {} a.zip", "hunterzip"),
    ("assigned_secret", "ldapsearch -x -D cn=admin -w {} -b dc=x", "hunterldap"),
    ("assigned_secret", "psql --password={} shop", "hunterpsql"),
    ("assigned_secret", "MYSQL_PWD={} mysql shop", "hunt"),
    ("assigned_secret", "PGPASSWORD={} psql", "pw12"),
    ("assigned_secret", "The password is {}.", "hunter2"),
    ("assigned_secret", "my Password is now '{}', keep it", "hunter2"),
    ("assigned_secret", "the passphrase for the key of ann@example.com was changed to {}", "correct-horse-9"),
    ("assigned_secret", "password has been reset to {} for you", "N3w-secret!"),
    ("assigned_secret", "password: {} and more", "swordfish42"),
    ("assigned_secret", "password: {}, ok", "swordfish42"),
    ("assigned_secret", "(the Password : {})", "Swordfish42"),
    ("assigned_secret", "login with password: {} please", "Tr0ub4dor&3"),
    ("assigned_secret", "msg='password: {}' id=7", "hunter2"),
    ("assigned_secret", "password:{}", "swordfish42"),
    ("assigned_secret", "password:{}, host:h", "Pa$$w0rd!"),
    ("assigned_secret", "password: {}", "12345678"),
    ("assigned_secret", "passcode: {} ", "904231"),
    ("assigned_secret", "db:\n  password: {}\n  host: h", "Tr0ub4dor&3"),
    ("assigned_secret", "[db]\nuser = bob\npassword = {}\nhost = h\n", "Tr0ub4dor&3"),
    ("assigned_secret", "password = {}", "swordfish42"),
    ("assigned_secret", "password: {} and more", "1234abcd"),
    ("assigned_secret", "password\t=\t{}\r\n", "swordfish42"),
    ("assigned_secret", "password          = {}", "12345678"),
    ("assigned_secret", "password={}", "12345678"),
    ("assigned_secret", "password={}", "letmein"),
    ("assigned_secret", "password={}\n", "correct-horse-battery!"),
    ("assigned_secret", "https://h/x?password={}&x=1", "swordfish"),
    ("assigned_secret", "https://h/x?password={}&amp;x=1", "swordfish42"),
    ("assigned_secret", "host=h password={} dbname=x", "Tr0ub4dor&3"),
    ("assigned_secret", "user=ann, password={}, host=h", "Tr0ub4dor,3"),
    ("assigned_secret", "user=ann,password={},host=h", "Tr0ub4dor3"),
    ("assigned_secret", "api_key = {}", "swordfish42"),
    ("assigned_secret", "api_key: {}, then go on", "0a1b2c3d4e"),
    ("assigned_secret", "client_secret:{} of the app", "swordfish42"),
    ("assigned_secret", "secret: {}", "swordfish42"),
    ("assigned_secret", "  secret = {}\n", "550e8400-e29b-41d4-a716-446655440000"),
    ("assigned_secret", "token = {}", "abcdef123456"),
    ("card", "card {}, exp 12/30", "4111111111111111"),
    ("card", "{}", "5500 0055 5555 5559"),
    ("card", "{}", "3782-822463-10005"),
    ("card", "{}", "30569309025904"),
    ("card", "my card is {}.", "4111111111111111"),
    ("card", "{}. Thanks", "4111 1111 1111 1111"),
    ("card", "{}- the one of Ann", "5555-5555-5555-4444"),
    ("card", "exp 12/30, {}-visa", "4111111111111111"),
    ("card", "card={}", "4111111111111111"),
    ("card", "?user=ann&card={}&cvc=", "4111111111111111"),
]

#: What must stay as it is: it looks like a secret to those who do not look twice.
INNOCENT: Final = [
    "The password must have at least 12 characters. Secret of success: tokens, tokens, tokens.",
    "Basic understanding of bearer authentication-schemes is needed; a Bearer token is sent in the header.",
    "password: required, token: optional; see https://example.com:8080/path?user=a@b.c",
    "def login(password: str, token: str | None = None) -> Secret:\n    api_key = os.environ['API_KEY']",
    'password = getpass("Password: ")\nAPI_KEY=os.environ.get("KEY")\nTOKEN=settings.api.token',
    'api_key="${API_KEY}" password="<password>" secret="********" token="{token}" api_key="YOUR_API_KEY"',
    "postgres://user:${PGPASSWORD}@db/x postgres://user:<password>@db redis://:****@h",
    'if "-----BEGIN PRIVATE KEY-----" in text: raise ValueError("private key")',
    "login(password=new_password, token=make_token(1), secret=config.secret2, api_key=keys[0])",
    "?next_page_token=CAUQAA0123456789&max_token=4096k password=${DB1_PASSWORD}",
    "secret=/run/secrets/db1 pwd=/home/user1",
    "password: required\npassword: 12-20 characters\ntoken: optional\npassword: string",
    "My password: it has 8 characters, of which 2 are digits.\nPassword: ********\npassword: ${DB1_PASSWORD}",
    "The password: please ask Bob2, it is a secret: we never tell. password is required; token: the unit of text",
    "password: at least 12 characters, password: 12-character minimum, password:required,min:8, password: 8+",
    "Wrong password: 3 attempts left. password: user_pass2, passphrase: string255, password: sha256 (salted)",
    "password = get_password()\npassword = newPass2\npassword = db_pass2 or None\npassword = base64.b64encode(x)",
    "f(host, password=None, token=token, secret=my_secret); api_key = os.environ['KEY1']; api_key = load_key2(x)",
    "login(user=ann, password=plain, host=h) login(password=hashed)\npassword=args.password password=newPass",
    "?reset_password=required&x=1 forgot_password=success password=not-set password=MYPASS",
    "password=yours! password=lambda: 1",
    "# token = 1*tchar\n{password: newPass2, token: Token2}",
    "password=:password password=@pwd password=%s1 password=$PASS1 password=111111",
    "f(secret: Level2, api_key: Vec3, private_key: uint256)",
    "{ let token = lexeme12; secret = key2 }\ntoken = match12\n",
    "secret: area51 is closed\nexistingSecret: postgres2\nsecret: db.credentials2.io\nsecret: my-app-2\ntoken:abc12345",
    "api_key: settings2, x = 1\napi_key = settings2;\nauth_token = NEW_TOKEN2\npwd = /home/user1\npwd:~/project1",
    "private_key: ./certs/key1.pem\napi_key: settings2.api.key\ntoken: 2026-11-21\npassword: sha256\nsecret_key: 1.2.3",
    "secret: app-tls-2024\nsecretName: db-credentials-2\nkey: model-4o\nnext_page_token: CAUQAA0123456789",
    "def login(password: str1, token: Token2) -> None:\n    token: Final2[str]",
    "<password>password</password> <password></password> <password>{{password}}</password><token>Hello</token>",
    "<password>at least 8 characters</password> <key>model-4o</key> <secret>The treasure</secret> a<password>b",
    "docker run -u 1000:1000 --user node:node x; git push -u origin main:main2; curl -u ann https://example.com:8080/x1",
    "curl -u user:password https://example.com && curl -u $USER:$TOKEN1 x",
    "docker run --name mongodb -p 27017:27017 mongo && docker run --name mysql -p3306:3306 mysql | ssh -p 2222 host1",
    "mysql -p$MYSQL_PASSWORD x; sshpass -p ${SSH_PASS1} ssh h; docker login -u ann -p <token> && mkdir -p /srv/data1",
    "mysqldump shop | ssh -p host22 x; zip -r a.zip b; 7z x a.7z; use mysql; login -p; az login --use-device-code",
    "--password=PASSWORD --password=<password> --password=my-password --token=TOKEN --api-key=$API_KEY1",
    "PASSWORD=None PASSWORD=${DB} NO_PASSWORD=yes OLD_PWD=/home/user1 RESET_PASSWORD=settings.reset.url2",
    "The password is at least 12 characters long, was 8-character, is 2fa-protected, is base64, is pbkdf2-hashed.",
    "The password is stored in vault2; the passphrase was changed to 90days; password is required. Password is v2.1.",
    "pwd is project1/src2, and the password of user 5 is set to expire in 90days",
    "Use --password to give one, --token-file /run/token1 or --api-key KEY; --password 12 characters at least",
    "MAX_TOKEN=4096 SECRET_COUNT=1234567 NEXT_TOKEN=12345678",
    '<div class="sk-toggleable__label sk-toggleable__label-arrow sk-estimator-doc-link">',
    "risk-assessment-of-the-whole-project-2026 task-0123456789012345678901234567890123",
    "risk-proj-2026-11-22-the-whole-of-it-0123456789-and-more flask-ant-hill-0123456789abcdefghij xghp_short",
    base64.b64encode(b"sk-toggleable__label sk-estimator-doc-link and other classes").decode(),
    "550e8400-e29b-41d4-a716-446655440000 " + str(uuid.UUID(int=_RANDOM.getrandbits(128))),
    "41111111-1111-4111-a111-111111111111",
    "commit " + hashlib.sha1(b"x").hexdigest() + " sha256:" + hashlib.sha256(b"x").hexdigest(),
    "data:image/png;base64," + base64.b64encode(_RANDOM.randbytes(6000)).decode(),
    base64.urlsafe_b64encode(_RANDOM.randbytes(6000)).decode(),
    "+49 (0)30 1234 5678, 030-1234567, (555) 010-9999, 1-800-555-0199, +1 415 555 2671",
    "ids 1763757014123456789 1763757014123 4111111111111112 41111111111111111 4.111111111111111 17637570141234567",
    "v=4.111111111111111 at=1763757014123456 id=4111111111111112 at=1763757014.123456 sha=4111111111111111e2",
    "x=4111111111111111.5 y=4111111111111111-2 v=4111.1111.1111.1111 trace=00-4111111111111111-01",
    "order 4111-1111-1111-1111-2 and 2026-11-21T20:39:14.123456Z, 192.168.100.100, 3.14159265358979",
    "call_9f86d081884c7d659a2feaa0c55ad015 run-2026-11-21 chatcmpl-9f86d081884c7d659a2feaa0c55a",
    "msg_01XFDUDYJgAACzvnptvVoYEL",
    "Lorem dapibus, hvs.io, dapi0123 figd_file_key sntrys_token sntryu_0a1b dapiDataGetTopLongShortPositionRatio",
    "NotificationSubscription.create.for_every_new_customer_of_the_shop MTIzNDU2Nzg5MDEyMzQ1Njc4.module.name",
    "MTIzNDU2Nzg5MDEyMzQ1Njc4 is base64 and 1.2.3.4 or com.example.Service.handler_of_every_request_there_is no token",
    "eyJub3QiOiJhIGp3dCJ9 is base64 of JSON and no token",
    "pk_" + made("live_", 24) + " is public",
    "Ключ — пароль: «секрет» 🔑 密码",
]

#: JSON that holds names of secrets and no secret.
INNOCENT_JSON: Final = [
    {"usage": {"prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42}, "max_tokens": 100, "token": 17},
    {"logprobs": {"content": [{"token": "Hello world", "logprob": -0.1, "bytes": [72]}]}},
    {"token": "Hel", "token_type": "bearer", "tokenizer": "cl100k_base", "eos_token": "<|endoftext|>"},
    {"next_page_token": "CAUQAA0123456789", "nextToken": "abcdefgh12345", "continuation_token": "abcdefgh12345"},
    {
        "type": "object",
        "required": ["password", "username"],
        "pair": ["token", "secret"],
        "names": ["Cookie", "Accept-2"],
    },
    {
        "columns": [["api_key", "varchar"], ["password", "text 255"], ["token", None], ["secret", 12]],
        "x": ["key", "a1=b2c3"],
    },
    {"id": 4242424242424241, "seed": 4242424242424242, "duration_ns": 4242424242424242, "at": 1763757014123456},
    {"score": 4242424242424242.5, "n": 42424242424242420, "m": -4242424242424242, "ok": True},
    {"password": None, "secret": "", "api_key": False, "credentials": {}, "tokens": ["Hel", "lo"]},
    {"properties": {"password": {"type": "string"}, "api_key": {"type": "string", "description": "the key"}}},
    {"key": "model", "value": "gpt-4o", "primary_key": 5, "keys": ["a"], "monkey": "see", "secretary": "Ann"},
]
