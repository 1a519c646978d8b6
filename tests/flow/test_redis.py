"""A Redis of the site's own: users with passwords, and TLS where usher's hiredis has it."""

import os
import shutil

import harness  # noqa: F401  (finds what is in tools/)
from certificates import certificates
from free_port import free_port
from resp import Resp
from runner import Skip, check, equal, eventually, main, test

REFUSED = "its certificate is refused: "


async def over_tls(start, host="localhost", trusted=True, clients="no"):
    """A centre whose Redis has a TLS port and a certificate for "localhost"; its daemon is not started yet."""
    centre = await start(
        launch=False, desk=f"127.0.0.1:{free_port()}",
        environment=lambda c: {"SSL_CERT_FILE": str(c.dir / "tls" / "ca.pem")} if trusted else {},
    )  # fmt: skip
    (centre.dir / "tls").mkdir()
    paths, port = certificates(centre.dir / "tls"), free_port()
    await centre.start_redis(
        options=["--tls-port", str(port), "--tls-cert-file", paths["server"], "--tls-key-file", paths["server_key"],
                 "--tls-ca-cert-file", paths["ca"], "--tls-auth-clients", clients]
    )  # fmt: skip
    centre.plain = centre.settings["redis"]
    centre.write_settings(redis=f"rediss://{host}:{port}")
    return centre


async def ends_or_tells(centre, words):
    """Starts the daemon and waits for words in its log. One without TLS says what to do and ends; then this skips."""
    await centre.launch(expect_ready=False)
    await eventually(lambda: words in centre.log_tail() or centre.process.returncode is not None, what=words)
    if "a hiredis without TLS; use a Unix socket" in centre.log_tail():
        check(centre.process.returncode != 0, "it ended as if all were well")
        raise Skip("this hiredis has no TLS (usherd says so, and what to do)")
    check(words in centre.log_tail(), centre.log_tail())


@test
async def whom_a_redis_over_tls_may_be(start):
    stranger = await over_tls(start, trusted=False)
    await ends_or_tells(stranger, REFUSED + "self-signed certificate in certificate chain")
    other = await over_tls(start, host="127.0.0.1")
    await ends_or_tells(other, REFUSED + "IP address mismatch")
    wants = await over_tls(start, clients="yes")
    await ends_or_tells(wants, "set tls-auth-clients no")
    plain = await over_tls(start)
    plain.write_settings(redis=plain.plain.replace("redis://127.0.0.1", "rediss://localhost"))
    await ends_or_tells(plain, "is it Redis' tls-port?")
    away = await over_tls(start)
    away.write_settings(redis=f"rediss://localhost:{free_port()}")
    await ends_or_tells(away, "Connection refused")


@test
async def a_redis_over_tls_keeps_contacts(start):
    centre = await over_tls(start)
    await ends_or_tells(centre, "usherd: ready")
    await centre.kill()
    await centre.launch()
    ann = await centre.agent("a1")
    held, waits = await centre.submit("task"), await centre.submit("task", require={"billing": 1})
    await ann.take(held)
    await centre.kill()
    await centre.launch()
    await eventually(lambda: ann.online and held in ann.contacts, limit_s=20, what="she is back")
    await ann.finish(held)
    equal(await centre.state(waits), "queued")


@test
async def a_redis_that_is_not_there_is_told(start):
    centre = await start(launch=False, redis=f"redis://127.0.0.1:{free_port()}")
    await ends_or_tells(centre, 'reason="Connection refused"')


@test
async def a_user_of_redis_logs_in_by_the_password_file(start):
    centre = await start(launch=False)
    await centre.start_redis(options=["--user", "usher", "on", ">the word", "~*", "&*", "+@all"])
    secret = centre.dir / "password"
    secret.write_text("not the word\n")
    secret.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(secret, "nobody")  # the daemon's account
    plain = centre.settings["redis"]
    centre.write_settings(redis=plain.replace("//", "//usher@"), redis_password_file=str(secret))
    await ends_or_tells(centre, "check redis_password_file and the user's rights")
    await centre.kill()
    secret.write_text("the word\n")
    await centre.launch()
    async with await Resp.open(plain.removeprefix("redis://")) as redis:
        clients = await redis("CLIENT", "LIST")
    check("user=usher" in str(clients), clients)


if __name__ == "__main__":
    main()
