"""What others reach on this machine: whole lives a second (in, taken, finished) with 50 workers and
1 KB contacts, durable about every second. Each runs only where it is installed.

    peers.py [SECONDS]          prints one JSON line a system that is there
"""

import contextlib
import glob
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))

from free_port import free_port  # noqa: E402

BUILD = pathlib.Path(os.environ.get("USHER_BUILD", HERE.parents[1] / "build"))
WORKERS = 50

PG_TABLE = """
CREATE TABLE q (id bigserial PRIMARY KEY, prio int, state "char", payload text);
CREATE INDEX ON q (prio, id) WHERE state = 'q';
CREATE INDEX ON q (id) WHERE state = 'r';
"""
PG_LIFE = """
\\set prio random(1, 1000)
INSERT INTO q (prio, state, payload) VALUES (:prio, 'q', repeat('x', 1000));
UPDATE q SET state = 'r' WHERE id = (
  SELECT id FROM q WHERE state = 'q' ORDER BY prio, id FOR UPDATE SKIP LOCKED LIMIT 1);
DELETE FROM q WHERE id = (SELECT id FROM q WHERE state = 'r' ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1);
"""


class Missing(Exception):
    """The system is not installed."""


def run(command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


@contextlib.contextmanager
def server(command, ready):
    """A program that runs until the end of the block; ready() says when it can be used."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            if ready():
                break
            time.sleep(0.02)
        else:
            raise Missing(f"{command[0]} did not start")
        yield
    finally:
        child.terminate()
        child.wait(20)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def postgresql(seconds):
    """SELECT ... FOR UPDATE SKIP LOCKED, prepared, synchronous_commit off."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found or not shutil.which("pgbench"):
        raise Missing("postgresql is not installed")
    programs = pathlib.Path(found[-1]).parent
    with tempfile.TemporaryDirectory(prefix="usher-pg-") as name:
        become = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(name, account.pw_uid, account.pw_gid)
            become = ["runuser", "-u", "postgres", "--"]
        data = f"{name}/data"
        run([*become, programs / "initdb", "-D", data, "-A", "trust"], cwd=name)
        options = f"-k {name} -c listen_addresses='' -c synchronous_commit=off -c max_connections=80 -c max_wal_size=4GB"
        run([*become, programs / "pg_ctl", "-D", data, "-w", "-l", f"{name}/log", "-o", options, "start"], cwd=name)
        try:
            for file, text in (("table", PG_TABLE), ("life", PG_LIFE)):
                path = pathlib.Path(name, file)
                path.write_text(text)
                path.chmod(0o644)
            base = ["-h", name, "-d", "postgres"]
            run([*become, "psql", "-q", *base, "-f", f"{name}/table"], cwd=name)
            bench = ["-n", "-M", "prepared", "-c", WORKERS, "-j", 2, "-T", seconds, "-f", f"{name}/life", "-h", name]
            told = run([*become, "pgbench", *map(str, bench), "postgres"], cwd=name)
        finally:
            run([*become, programs / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop"], cwd=name)
    return float(re.search(r"tps = ([0-9.]+)", told)[1])


def beanstalkd(seconds):
    program = BUILD / "tests" / "bench" / "peer_beanstalkd"
    if not shutil.which("beanstalkd"):
        raise Missing("beanstalkd is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="usher-bean-") as name:
        command = ["beanstalkd", "-l", "127.0.0.1", "-p", str(port), "-b", name, "-f", "1000"]
        with server(command, lambda: listens(port)):
            return json.loads(run([program, str(port), str(seconds)]))["lives_s"]


def bullmq(seconds):
    node = shutil.which("node")
    script = HERE / "peer_bullmq.js"
    if not node or subprocess.run([node, "-e", "require('bullmq')"], capture_output=True, check=False).returncode:
        raise Missing("node with bullmq (NODE_PATH) is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="usher-bull-") as name:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", name, "--save", ""]
        with server([*command, "--appendonly", "yes", "--appendfsync", "everysec"], lambda: listens(port)):
            return json.loads(run([node, script, str(port), str(WORKERS), str(seconds)]))["lives_s"]


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for name, measure in (("PostgreSQL", postgresql), ("beanstalkd", beanstalkd), ("BullMQ", bullmq)):
        try:
            value = measure(seconds)
        except Missing as why:
            print(f"peers: {why}", file=sys.stderr)
            continue
        print(json.dumps({"peer": name, "value": value, "unit": "lives/s"}), flush=True)


if __name__ == "__main__":
    main()
