"""The validator of frames is held itself, so that a frame off its schema cannot slip through."""

import frames
from runner import Skip, check, main, test


def needs_jsonschema():
    if frames.jsonschema is None:
        raise Skip("python3-jsonschema is not installed")


def refused(frame, method=None):
    try:
        frames.validate("<", frame, method)
    except frames.BadFrame:
        return True
    return False


@test
def frames_as_documented_pass():
    needs_jsonschema()
    at = "2026-11-22T09:40:00.000Z"
    state = {"seq": 2, "at": at, "agent": {"id": "a1", "state": "ready"}}
    check(not refused({"jsonrpc": "2.0", "method": "agent.state_changed", "params": state}))
    check(not refused({"jsonrpc": "2.0", "id": "1", "result": {"accepted": True}}, "agent.set_state"))
    error = {"code": -32001, "message": "late", "data": {"type": "offer_gone"}}
    check(not refused({"jsonrpc": "2.0", "id": "1", "error": error}, "offer.accept"))


@test
def frames_off_their_schema_are_seen():
    needs_jsonschema()
    at = "2026-11-22T09:40:00.000Z"
    for frame, method in (
        ({"jsonrpc": "2.0", "method": "agent.state_changed", "params": {"seq": 1, "at": at}}, None),
        ({"jsonrpc": "2.0", "method": "agent.invented", "params": {"seq": 1, "at": at}}, None),
        ({"jsonrpc": "2.0", "method": "offer.rejected", "params": {"at": at, "offer": "x", "contact": {}}}, None),
        ({"jsonrpc": "2.0", "id": "1", "result": {"accepted": False}}, "agent.set_state"),
        ({"jsonrpc": "2.0", "id": "1", "result": {}}, "method.invented"),
        ({"jsonrpc": "2.0", "id": "1", "error": {"code": 1, "message": "x"}}, "offer.accept"),
        ({"id": "1", "result": {"accepted": True}}, "agent.set_state"),
    ):
        check(refused(frame, method), frame)


if __name__ == "__main__":
    main()
