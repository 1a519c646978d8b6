"""Certificates of a test's own, made by openssl."""

import os
import pathlib
import shutil
import subprocess


def certificates(folder):
    """An authority, and a certificate of each side for "localhost"; returns their paths."""
    folder = pathlib.Path(folder)
    folder.chmod(0o755)

    def run(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test authority",
        "-keyout", folder / "ca.key", "-out", folder / "ca.pem")  # fmt: skip
    paths = {"ca": str(folder / "ca.pem")}
    for side in ("server", "client"):
        request, extra = folder / f"{side}.csr", folder / f"{side}.ext"
        extra.write_text("subjectAltName=DNS:localhost\n")
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={side}",
            "-keyout", folder / f"{side}.key", "-out", request)  # fmt: skip
        run("x509", "-req", "-in", request, "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", extra, "-out", folder / f"{side}.pem")  # fmt: skip
        if os.geteuid() == 0 and side == "client":
            shutil.chown(folder / f"{side}.key", "nobody")  # the daemon's account
        paths[side], paths[f"{side}_key"] = str(folder / f"{side}.pem"), str(folder / f"{side}.key")
    return paths
