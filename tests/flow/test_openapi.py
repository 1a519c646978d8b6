"""HTTP against schemas/openapi.yaml: each answer fits it, and each route and status is in it."""

import asyncio
import json
import re

from harness import TOP
from runner import Skip, check, equal, main, test

try:
    import jsonschema
    import yaml
except ImportError:
    yaml = None

SCHEMAS = TOP / "schemas"


class Interface:
    """The document, and what of it was seen."""

    def __init__(self):
        if yaml is None:
            raise Skip("python3-yaml and python3-jsonschema are not installed")
        self.document = yaml.safe_load((SCHEMAS / "openapi.yaml").read_text(encoding="utf-8"))
        self.store = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.schema.json")}
        self.store["openapi.yaml"] = self.document
        self.seen = set()

    def operation(self, method, path):
        path = path.partition("?")[0]
        for template, item in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path) and method.lower() in item:
                return template, item[method.lower()]
        raise AssertionError(f"{method} {path} is not in the document")

    def at(self, pointer):
        place = self.document
        for step in pointer.removeprefix("#/").split("/"):
            place = place[step]
        return place

    def fits(self, value, schema):
        resolver = jsonschema.RefResolver("openapi.yaml", self.document, store=self.store)
        error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema, resolver=resolver).iter_errors(value))
        check(error is None, error and f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]} in {value}")

    def hold(self, method, path, status, fields, text):
        template, operation = self.operation(method, path)
        answers = operation["responses"]
        check(str(status) in answers, f"{method} {template}: status {status} is not in the document: {text[:200]}")
        answer = answers[str(status)]
        answer = self.at(answer["$ref"]) if "$ref" in answer else answer
        self.seen.add((template, method, status))
        for name in answer.get("headers", {}):
            check(name.lower() in fields, f"{method} {template} {status}: no {name}")
        kind, content = next(iter(answer["content"].items()))
        check(fields["content-type"].startswith(kind), fields)
        if kind == "application/json":
            self.fits(json.loads(text), content["schema"])
        for name, wanted in (
            ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cache-control", "no-store"),
        ):  # fmt: skip
            equal(fields.get(name), wanted, name)
        check("default-src 'none'" in fields["content-security-policy"])
        check("strict-transport-security" in fields)
        return json.loads(text) if kind == "application/json" else text


class Asker:
    def __init__(self, interface, http):
        self.interface, self.http = interface, http

    async def __call__(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        status, fields, text = await self.http.exchange(method, path, body, headers)
        return status, self.interface.hold(method, path, status, fields, text)


@test
async def every_answer_fits_the_document(start):
    interface = Interface()
    queue = {"channels": ["chat", "task"], "limits": {"length": 3}}
    centre = await start(queues={"general": queue})
    centre.judged = False  # contacts are made past the journal
    ask = Asker(interface, await centre.intake())
    nobody = Asker(interface, centre.client())
    limited = (await centre.admin("key.create", name="x", allow=["submit"], channels=["chat"], queues=["general"]))["key"]
    limited = Asker(interface, centre.client(limited))
    status, first = await ask("POST", "/v1/contacts", {"channel": "chat", "title": "ü", "external_id": "e1"})
    equal((status, first["state"], first["position"], first["duplicate"]), (201, "queued", 0, False))
    one = "/v1/contacts/" + first["id"]
    for body, wanted in (
        ({"channel": "chat", "external_id": "e1"}, 200), (b"{", 400), ([], 422), ({"channel": "pigeon"}, 422),
        ({"channel": "chat", "titel": "x"}, 422),
    ):  # fmt: skip
        equal((await ask("POST", "/v1/contacts", body))[0], wanted, body)
    equal((await ask("POST", "/v1/contacts", {"channel": "chat"}, Idempotency_Key="e1"))[1]["id"], first["id"])
    equal((await ask("POST", "/v1/contacts", {"channel": "chat", "external_id": "e2"}, Idempotency_Key="e1"))[0], 422)
    for method, path, body in (
        ("POST", "/v1/contacts", {"channel": "chat"}), ("GET", one, None), ("DELETE", one, None), ("GET", "/v1/queues", None),
        ("GET", "/v1/queues/general", None), ("GET", "/v1/agents", None),
    ):  # fmt: skip
        equal((await nobody(method, path, body))[0], 401, method, path)
        if method != "POST":
            equal((await limited(method, path, body))[0], 403, method, path)
    equal((await limited("POST", "/v1/contacts", {"channel": "task"}))[0], 403)
    equal((await ask("GET", one))[1]["title"], "ü")
    equal((await ask("GET", "/v1/contacts/c000000000000"))[0], 404)
    equal((await ask("DELETE", "/v1/contacts/c000000000000"))[0], 404)
    queues = (await ask("GET", "/v1/queues"))[1]["queues"]
    equal([q["name"] for q in queues], ["general", "billing"])
    equal((await ask("GET", "/v1/queues/general"))[1]["waiting"], 1)
    equal((await ask("GET", "/v1/queues/none"))[0], 404)
    equal(len((await ask("GET", "/v1/agents"))[1]["agents"]), 3)
    for path in ("/healthz", "/readyz", "/metrics"):
        equal((await nobody("GET", path))[0], 200)
    for _ in range(2):
        equal((await limited("POST", "/v1/contacts", {"channel": "chat"}))[0], 201)
    status, full = await ask("POST", "/v1/contacts", {"channel": "chat"})
    equal((status, full["error"]["type"]), (503, "queue_full"))
    equal((await ask("DELETE", one + "?by=nobody"))[0], 422)
    equal((await ask("DELETE", one + "?by=staff"))[1]["state"], "cancelled")
    equal((await ask("DELETE", one))[0], 409)
    for asker in (nobody, limited):
        await asker.http.close()


@test
async def a_customer_s_token_is_good_for_its_contact_alone(start):
    interface = Interface()
    centre = await start()
    centre.judged = False
    http = await centre.intake()
    mine, other = [(await http.call("POST", "/v1/contacts", {"channel": "chat", "title": "secret"}))[1] for _ in range(2)]
    customer = Asker(interface, centre.client())
    for how in ({"Authorization": "Bearer " + mine["token"]}, {"X_Usher_Token": mine["token"]}):
        status, seen = await customer("GET", "/v1/contacts/" + mine["id"], **how)
        equal(status, 200)
        check(set(seen) <= {"id", "state", "channel", "position", "estimated_wait_ms"}, seen)
        equal((seen["state"], seen["position"]), ("queued", 0))
        for method in ("GET", "DELETE"):
            equal((await customer(method, "/v1/contacts/" + other["id"], **how))[0], 401, method)
        equal((await customer("GET", "/v1/queues", **how))[0], 401)
        equal((await customer("POST", "/v1/contacts", {"channel": "chat"}, **how))[0], 401)
    for wrong in (mine["token"][:-1], mine["token"] + "0", mine["token"].replace("v1.", "v1.9"), "v1..", "v1.9.x"):
        equal((await customer("GET", "/v1/contacts/" + mine["id"], X_Usher_Token=wrong))[0], 401, wrong)
    # Never in a URL.
    equal((await customer("GET", f"/v1/contacts/{mine['id']}?token={mine['token']}"))[0], 401)
    equal((await customer("DELETE", f"/v1/contacts/{mine['id']}?by=staff", X_Usher_Token=mine["token"]))[0], 403)
    status, left = await customer("DELETE", "/v1/contacts/" + mine["id"], X_Usher_Token=mine["token"])
    equal((status, left["state"]), (200, "abandoned"))
    equal((await customer("GET", "/v1/contacts/" + mine["id"], X_Usher_Token=mine["token"]))[1]["state"], "abandoned")
    # The secret is kept: tokens outlive a restart.
    await centre.restart()
    customer.http = centre.client()
    equal((await customer("GET", "/v1/contacts/" + other["id"], X_Usher_Token=other["token"]))[0], 200)
    await customer.http.close()


@test
async def a_key_has_its_rate(start):
    centre = await start()
    centre.judged = False
    interface = Interface()
    key = (await centre.admin("key.create", name="slow", rate=1))["key"]
    ask = Asker(interface, centre.client(key))
    seen = [(await ask("POST", "/v1/contacts", {"channel": "chat"}))[0] for _ in range(10)]
    check(201 in seen and 429 in seen and set(seen) == {201, 429}, seen)
    await ask.http.close()


@test
async def a_source_of_the_key_is_the_contacts_source(start):
    centre = await start()
    centre.judged = False
    key = (await centre.admin("key.create", name="shop", source="shop"))["key"]
    http = centre.client(key)
    status, made = await http.call("POST", "/v1/contacts", {"channel": "chat", "external_id": "1"})
    equal(status, 201)
    equal((await http.call("GET", "/v1/contacts/" + made["id"]))[1]["source"], "shop")
    equal((await http.call("POST", "/v1/contacts", {"channel": "chat", "source": "mall"}))[0], 403)
    equal((await http.call("POST", "/v1/contacts", {"channel": "chat", "source": "shop", "external_id": "1"}))[0], 200)
    await http.close()


@test
async def while_the_store_is_away_contacts_are_refused_at_once(start):
    centre = await start()
    interface = Interface()
    ask = Asker(interface, await centre.intake())
    contact = await centre.submit("chat")
    await centre.kill("redis")
    refused = None
    for _ in range(200):
        status, answer = await asyncio.wait_for(ask("POST", "/v1/contacts", {"channel": "chat"}), 3)
        if status == 503:
            refused = answer
            break
    if refused:  # the child may be back before the first request is out
        equal(refused["error"]["type"], "store_away")
        check((await ask("GET", "/readyz"))[0] in (200, 503))
    equal((await ask("GET", "/v1/contacts/" + contact))[0], 200)
    for _ in range(200):
        if (await ask("GET", "/readyz"))[0] == 200:
            break
        await asyncio.sleep(0.05)
    equal((await ask("POST", "/v1/contacts", {"channel": "chat"}))[0], 201)
    centre.judged = False


@test
def every_route_is_in_the_document():
    interface = Interface()
    found = set()
    for source in sorted((TOP / "src").glob("*/*.c")):
        text = source.read_text()
        words = dict(re.findall(r'#define (\w+) "([^"]*)"', text))
        for methods, path in re.findall(r'http_route\(\s*[\w>.-]+,\s*"([A-Z,]+)",\s*((?:"[^"]*"|[A-Z_]+)(?:\s*"[^"]*")*),', text):
            path = "".join(part[1:-1] if part[0] == '"' else words[part] for part in re.findall(r'"[^"]*"|\w+', path))
            found |= {(method.lower(), path) for method in methods.split(",") if not path.startswith("/web/")}
    documented = {
        (method, re.sub(r"\{[^}]*\}.*$", "", path))
        for path, item in interface.document["paths"].items()
        for method in item
        if method in ("get", "post", "delete", "put", "patch")
    }
    equal(found, documented)


@test
def every_reference_of_the_document_leads_somewhere():
    interface = Interface()
    store = interface.store

    def walk(place):
        if isinstance(place, dict):
            if "$ref" in place:
                file, _, pointer = place["$ref"].partition("#/")
                target = store[file or "openapi.yaml"]
                for step in pointer.split("/"):
                    check(step in target, place["$ref"])
                    target = target[step]
            for value in place.values():
                walk(value)
        elif isinstance(place, list):
            for value in place:
                walk(value)

    walk(interface.document)


if __name__ == "__main__":
    main()
