"""Holds every frame against schemas/: what the server sends, and (on request) what a client asks."""

import functools
import json
import pathlib

try:
    import jsonschema
except ImportError:  # the lanes say so; nothing is validated then
    jsonschema = None

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas"


@functools.cache
def _documents():
    found = {}
    for path in sorted(SCHEMAS.glob("*.schema.json")):
        found[path.name] = json.loads(path.read_text(encoding="utf-8"))
    return found


@functools.cache
def _validator(document, *path):
    """The validator of one place in a document; None when the place does not exist."""
    place = _documents()[document]
    for step in path:
        place = place.get(step)
        if place is None:
            return None
    resolver = jsonschema.RefResolver(document, _documents()[document], store=_documents())
    pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in path)
    return jsonschema.Draft202012Validator({"$ref": f"{document}#/{pointer}"}, resolver=resolver)


class BadFrame(AssertionError):
    pass


def hold(value, document, *path):
    validator = _validator(document, *path)
    if validator is None:
        raise BadFrame(f"{document} does not describe {'/'.join(path)}: {json.dumps(value)[:300]}")
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "it"
        raise BadFrame(f"{path[1]}: {where}: {error.message[:300]} in {json.dumps(value)[:600]}")


def validate(way, frame, method):
    """A frame on its way ("<" from the server); method: of the event, or of the request answered."""
    if jsonschema is None or way != "<":
        return
    if "method" in frame:
        hold(frame, "frames.schema.json", "$defs", "event")
        hold(frame["params"], "events.schema.json", "$defs", frame["method"])
    elif "error" in frame:
        hold(frame, "frames.schema.json", "$defs", "failure")
    else:
        hold(frame, "frames.schema.json", "$defs", "reply")
        if method:
            hold(frame["result"], "methods.schema.json", "$defs", method, "properties", "result")


def methods():
    """{method: {"x-roles": [...], "properties": {...}}} as documented."""
    return _documents()["methods.schema.json"]["$defs"]


def events():
    return _documents()["events.schema.json"]["$defs"]
