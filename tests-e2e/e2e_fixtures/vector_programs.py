"""Programs that send every vector of atjwt to the applications of its pages, run where these are installed.

Each prints the number of vectors and those whose answer is wrong. An application gets all of a vector: key set, status
list, policy and time, by a verifier that takes the place of its own.
"""

# FOLDER NGINX UPSTREAM: the vectors, and the ports of the nginx in front of the sidecar, and of the sidecar.
PYTHON = """
import asyncio, io, json, socket, sys, threading, time
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit
import uvicorn
from atjwt import Endpoints, Policy, Seams, Verifier, WhenStale
from atjwt.key_set import KeySet, parse_keys
from atjwt.sidecar_settings import read_settings
from atjwt.testing import Issuer
import django_site, fastapi_application, flask_application

TRIMMED = ("R28-space",)  # HTTP removes the space at the end of a header's value (RFC 9110 §5.5)
LOOPS = "_loop", "_open"  # of a verifier's own background, which stays

def of_asgi(app):
    def status(method, target, sent):
        path, _, query = target.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "https",
            "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(b"host", b"evil.example.com"), *sent], "server": ("x", 443), "client": ("127.0.0.1", 1),
        }
        seen = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            seen.append(message.get("status"))

        asyncio.run(app(scope, receive, send))
        return seen[0]
    return status

def of_wsgi(app):
    def status(method, target, sent):
        path, _, query = target.partition("?")
        environ = {
            "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query, "SERVER_NAME": "x", "SERVER_PORT": "443", "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "evil.example.com", "wsgi.version": (1, 0), "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.multithread": False,
            "wsgi.multiprocess": False, "wsgi.run_once": False,
        }
        for name, value in sent:
            environ["HTTP_" + name.decode().upper()] = value.decode("latin-1")
        seen = []
        list(app(environ, lambda line, _headers, _error=None: seen.append(int(line[:3]))))
        return seen[0]
    return status

def of_port(port):
    def status(method, target, sent):
        headers = b"".join(name + b": " + value + b"\\r\\n" for name, value in sent)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            head = f"{method} {target} HTTP/1.1\\r\\nHost: evil.example.com\\r\\nConnection: close\\r\\n"
            connection.sendall(head.encode() + headers + b"\\r\\n")
            return int(connection.makefile("rb").readline().split()[1])
    return status

def listening(port):
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)

def verifier_of(vector, document, said):
    policy = Policy(
        leeway=timedelta(seconds=said.get("leeway", 60)),
        token_max_age=timedelta(seconds=said.get("token_max_age", 86400)),
        algorithms=frozenset(said.get("algorithms", ("ES256", "PS256", "RS256"))),
        requires_status=said.get("requires_status", False),
        when_stale=WhenStale(said.get("when_stale", "refuse")),
        proof_max_age=timedelta(seconds=said.get("proof_max_age", 30)),
        proof_algorithms=frozenset(said.get("proof_algorithms", ("ES256", "PS256", "RS256"))),
    )
    lists, now = said.get("status_lists", "").removesuffix("/"), vector["now"]
    endpoints = Endpoints(said["issuer"] + "/jwks.json", lists)
    made = Verifier(said["issuer"], said["audience"], policy=policy, endpoints=endpoints, seams=Seams(lambda: now))
    text = vector.get("status_list")
    try:
        made.learn(KeySet(parse_keys(document), document, None, now), {} if text is None else {lists + "/1": text})
    except ValueError:
        pass  # a key set or a list that is refused as a whole
    return made

def statuses(ask, vector):
    url = urlsplit(vector.get("url", "https://issuer.example.com/invoices"))
    target = url.path + ("?" + url.query if url.query else "")
    scheme, proof = ("DPoP ", vector["proof"]) if "proof" in vector else ("Bearer ", None)
    token = (b"authorization", (scheme + vector["token"]).encode("latin-1"))
    for each in [*vector.get("used_before", ()), proof]:
        sent = [] if each is None else [(b"dpop", each.encode("latin-1", "replace"))]
        yield ask(vector.get("method", "GET"), target, [token, *sent])

folder, nginx, upstream = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
origin = "https://issuer.example.com"  # of the vectors
sidecar, _ = read_settings({"ATJWT_ISSUER": origin, "ATJWT_AUDIENCE": origin, "ATJWT_BASE_URL": origin})
server = uvicorn.Server(uvicorn.Config(sidecar, port=upstream, lifespan="off", log_level="critical"))
threading.Thread(target=server.run, daemon=True).start()
applications = {
    "FastAPI": (fastapi_application.protection.verifier, of_asgi(fastapi_application.app)),
    "Flask": (flask_application.protection.verifier, of_wsgi(flask_application.app)),
    "Django": (django_site.thread.verifier, of_wsgi(django_site.app)),
    "nginx": (sidecar.verifier, of_port(nginx)),
}
with Issuer() as issuer:  # it answers the background of the two that have one
    for thread in (flask_application.protection._thread, django_site.thread):
        with issuer.standing_in_for(thread.verifier):
            thread.start()
listening(upstream)
listening(nginx)
count, wrong = 0, []
for file in sorted(folder.glob("*.json")):
    parts = json.loads(file.read_bytes())
    for vector in parts["vectors"]:
        document, said = parts["key_sets"][vector["key_set"]].encode(), parts["policies"][vector["policy"]]
        count += 1
        for name, (verifier, ask) in applications.items():
            made = vars(verifier_of(vector, document, said))
            vars(verifier).update((member, value) for member, value in made.items() if member not in LOOPS)
            *before, last = statuses(ask, vector)
            # nginx makes 500 of the sidecar's 503, and knows headers up to 8 KiB.
            refused = last in ((400, 401, 500) if name == "nginx" else (400, 401, 503))
            accepts = vector["verdict"] == "accept" or (name == "nginx" and vector["name"] in TRIMMED)
            if set(before) - {200} or (last != 200 if accepts else not refused):
                wrong.append((name, vector["name"], *before, last))
print(json.dumps([count, wrong]))
"""
FASTAPI_ADDED = """
app.add_api_route("/{path:path}", invoices, methods=["GET", "POST"])
"""
FLASK_ADDED = """
for rule in ("/", "/<path:path>"):
    app.add_url_rule(rule, rule, lambda path="": invoices(), methods=["GET", "POST"])
"""
DJANGO_SITE = """
import django
from django.conf import settings
import django_settings
names = {name: getattr(django_settings, name) for name in dir(django_settings) if name.isupper()}
settings.configure(ROOT_URLCONF="django_site", ALLOWED_HOSTS=["*"], **names)
django.setup()

import django_application
from django.core.wsgi import get_wsgi_application
from django.urls import re_path
from atjwt.django import verifier_thread

thread = verifier_thread()
urlpatterns = [re_path("", django_application.invoices)]
app = get_wsgi_application()
"""

# FOLDER: the vectors. `app` and `requires` are those of the README's lines for Express.
EXPRESS = """
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { Verifier } from "atjwt";
import { verifierOf } from "./judge.ts";

globalThis.fetch = () => Promise.reject(new TypeError("no network"));
const { app, requires } = await import("./application.js");
app.use(requires(""), (request, response) => response.json({ of: request.token.sub }));

const { verifyOrWait } = Verifier.prototype;
let current;
Verifier.prototype.verifyOrWait = (...given) => verifyOrWait.apply(current, given);

function ask(port, method, target, headers) {
  const lines = [`${method} ${target} HTTP/1.1`, "Host: evil.example.com", "Connection: close", ...headers, "", ""];
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.from(lines.join("\\r\\n"), "latin1")));
    socket.on("data", (chunk) => (answer += chunk)).on("error", reject);
    socket.on("close", () => resolve(Number(answer.split(" ", 2)[1])));
  });
}

async function statuses(port, { token, proof, used_before: before = [], method = "GET", url = "/invoices" }) {
  const target = url.replace("https://issuer.example.com", "");
  const scheme = proof === undefined ? "Bearer" : "DPoP";
  const seen = [];
  for (const each of [...before, proof]) {
    const sent = each === undefined ? [] : [`DPoP: ${each}`];
    seen.push(await ask(port, method, target, [`Authorization: ${scheme} ${token}`, ...sent]));
  }
  return seen;
}

const folder = process.argv[2];
const wrong = [];
let count = 0;
const server = app.listen(0, "127.0.0.1", async () => {
  for (const name of readdirSync(folder).filter((each) => each.endsWith(".json"))) {
    const file = JSON.parse(readFileSync(`${folder}/${name}`, "utf8"));
    for (const vector of file.vectors) {
      current = await verifierOf(vector, file.key_sets[vector.key_set], file.policies[vector.policy]);
      const seen = await statuses(server.address().port, vector);
      const refused = [400, 401, 503].includes(seen.at(-1));
      const accepts = vector.verdict === "accept" || vector.name === "R28-space"; // HTTP removes that space
      const isRight = accepts ? seen.at(-1) === 200 : refused;
      if (!isRight || seen.slice(0, -1).some((status) => status !== 200)) wrong.push([vector.name, ...seen]);
      count += 1;
    }
  }
  console.log(JSON.stringify([count, wrong]));
  process.exit();
});
"""
