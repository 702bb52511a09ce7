"""A real S3 server (SeaweedFS) on loopback, with one bucket."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.ports import free_port

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY, SECRET = "catalograph", "only-on-loopback"
# One for all tests: the server gives each bucket volumes of its own.
BUCKET = "tests"
_GIVE_UP_S = 60


@dataclass(frozen=True)
class S3Server:
    """Where the server listens."""

    endpoint: str

    def client(self) -> "S3Client":
        """A client with the server's credentials."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(
                s3={"addressing_style": "path"},
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=30,
                retries={"max_attempts": 2, "mode": "standard"},
            ),
        )


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Serve until the block ends; nothing of it stays."""
    folder = Path(tempfile.mkdtemp(prefix="catalograph-s3-"))
    identity = {
        "name": KEY,
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = [free_port() for _ in range(10)]
    names = ("master", "volume", "filer", "s3")
    options = [f"-{name}.port={port}" for name, port in zip(names, ports, strict=False)]
    options += [f"-{name}.port.grpc={port}" for name, port in zip(names, ports[4:], strict=False)]
    program = Path(sys.executable).parent / "weed"
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [
            program,
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-dir={folder}",
            "-filer",
            "-s3",
            f"-s3.config={folder / 's3.json'}",
            "-volume.max=50",
            "-master.volumeSizeLimitMB=64",
            "-master.telemetry=false",
            # Beside its data: what a killed server of somebody else left under /tmp can't be taken away.
            f"-s3.localSocket={folder / 's3.sock'}",
            f"-filer.localSocket={folder / 'filer.sock'}",
            # Two that nobody here asks for, on ports that servers side by side would fight for.
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            *options,
        ],
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)},
    )
    try:
        server = S3Server(f"http://127.0.0.1:{ports[3]}")
        _wait(server, process, folder / "log")
        yield server
    finally:
        process.kill()  # asked to stop it takes its time, and nothing of it is kept
        process.wait()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: S3Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until a bucket can be written."""
    client, give_up_at = server.client(), time.monotonic() + _GIVE_UP_S
    while True:
        assert process.poll() is None, f"the S3 server ended: {log.read_text()[-2000:]}"
        try:
            client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
            return
        except (BotoCoreError, ClientError):
            assert time.monotonic() < give_up_at, f"the S3 server takes too long: {log.read_text()[-2000:]}"
            time.sleep(0.2)
