"""Image, compose file, manifests and units: their formats by linters, what they say of us by our own code.

Nothing here needs a network, a docker engine or a cluster; what that leaves out is in docs/guides/deploy.md.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.deploy.files import (
    COMPOSE,
    DEPLOY,
    KUBERNETES,
    KUSTOMIZATIONS,
    ROOT,
    UNITS,
    ours,
    pod_environment,
    pods,
    resources,
    services,
    unit,
)
from voicereel.adapters.storage.s3 import make_s3
from voicereel.domain.plan import PLANS
from voicereel.manage import main
from voicereel.settings import Settings
from voicereel.supervisor import WORKER_STOP_S

BIN = Path(sys.executable).parent
OUR_IMAGES = {"voicereel-api", "voicereel-worker"}
SECRETS = {"VOICEREEL_DATABASE_URL", "VOICEREEL_BROKER_URL", "VOICEREEL_URL_SECRET"}
# the oldest version whose `preStop.sleep` is on by default
KUBERNETES_VERSION = "1.30"
# what the requests of an API process have to end in (gunicorn's graceful timeout)
API_STOPS_S = 30


def checked(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- the formats -----------------------------------------------------------------------------


def test_hadolint_finds_nothing_in_the_dockerfile():
    checked(BIN / "hadolint", ROOT / "Dockerfile")


def test_the_compose_file_is_as_its_specification_says():
    checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml")


def test_kubernetes_takes_every_object():
    objects = [found for _, found in resources() if not found["apiVersion"].startswith("keda.sh/")]
    for found in objects:
        kubernetes_validate.validate(found, KUBERNETES_VERSION, strict=True)
    assert len(objects) > 10


def test_keda_takes_every_scaled_object():
    schema = json.loads(Path(__file__).with_name("scaled_object.schema.json").read_text(encoding="utf-8"))
    scaled = [found["spec"] for _, found in resources() if found["kind"] == "ScaledObject"]
    for spec in scaled:
        jsonschema.validate(spec, schema)
    assert len(scaled) == 2


def test_every_manifest_is_part_of_an_installation():
    named = {
        (folder / name).resolve()
        for folder, found in KUSTOMIZATIONS.items()
        for name in (*found.get("resources", []), *found.get("components", []), *patch_files(found))
    }
    files = {path for path in KUBERNETES.rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert named - set(KUSTOMIZATIONS) == files


def patch_files(kustomization: dict) -> list[str]:
    return [patch["path"] for patch in kustomization.get("patches", []) if "path" in patch]


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl")
def test_the_example_can_be_built_and_two_do_not_count_one_deployments_pods():
    built = list(yaml.safe_load_all(checked("kubectl", "kustomize", KUBERNETES / "overlays" / "example")))
    counted = {
        found["spec"]["scaleTargetRef"]["name"]
        for found in built
        if found["kind"] in ("ScaledObject", "HorizontalPodAutoscaler")
    }
    deployments = {found["metadata"]["name"]: found for found in built if found["kind"] == "Deployment"}
    assert counted == {name for name, found in deployments.items() if "replicas" not in found["spec"]}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd")
def test_systemd_takes_every_unit(tmp_path: Path):
    for path in UNITS:
        # the program is not installed where the tests run
        text = path.read_text(encoding="utf-8").replace("/opt/voicereel/bin/voicereel-server", sys.executable)
        (tmp_path / path.name.replace("@", "@0")).write_text(text, encoding="utf-8")
    units = sorted(tmp_path.glob("*.service"))
    checked("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units)
    assert len(units) == len(UNITS)


# --- what they say of our processes ----------------------------------------------------------


@pytest.mark.parametrize("path", list(ours()), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_setting_named_exists(path: Path):
    known = {f"VOICEREEL_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"VOICEREEL_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("name", pods())
def test_the_settings_of_a_pod_are_valid(name: str, monkeypatch: pytest.MonkeyPatch):
    for variable, value in pod_environment(pods()[name]).items():
        monkeypatch.setenv(variable, value)
    make_s3(Settings().store)


@pytest.mark.parametrize("name", sorted(services().keys() - {"bucket"}))
def test_the_settings_of_a_compose_service_are_valid(name: str, monkeypatch: pytest.MonkeyPatch):
    for variable, value in services()[name]["environment"].items():
        monkeypatch.setenv(variable, re.sub(r"\$\{[^}]*\}", "https://example.com", value))
    make_s3(Settings().store)


def commands() -> dict[str, list[str]]:
    """What each process of ours is started with, by where that is said."""
    by_pod = {f"pod {name}": pod["containers"][0]["args"] for name, pod in pods().items()}
    by_service = {f"service {name}": s["command"] for name, s in services().items() if "entrypoint" not in s}
    by_unit = {f"unit {path.stem}": unit(path)["ExecStart"][0].split()[1:] for path in UNITS}
    return by_pod | by_service | by_unit


@pytest.mark.parametrize("where", commands())
def test_every_process_runs_a_command_there_is(where: str):
    name, *options = commands()[where]
    command = main.commands[name]
    command.make_context(name, options)  # refuses what the command does not take


def test_only_our_two_images_run_in_the_cluster():
    assert {pod["containers"][0]["image"] for pod in pods().values()} == OUR_IMAGES
    stages = set(re.findall(r"^FROM .* AS (\w+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    for service in services().values():
        target = service["build"]["target"]
        assert target in stages
        assert service["image"].partition(":")[0] == f"voicereel-{target}"


def test_foreign_images_are_pinned_to_a_version():
    images = [found["image"] for found in COMPOSE["services"].values() if "build" not in found]
    images += re.findall(r"^FROM ([\w./-]+:\S+) AS", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [image for image in images if not re.search(r":\d+\.?\d*[\w.-]*$", image)] == []


def test_probes_ask_for_what_is_served():
    paths = set(yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))["paths"])
    for name, pod in pods().items():
        (container,) = pod["containers"]
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container.get(probe, {}).get("httpGet")
            if asked and asked["port"] == "http":
                assert asked["path"] in paths
            elif asked:
                served = pod_environment(pod)["VOICEREEL_METRICS_PORT"]
                assert (asked["path"], str(ports[asked["port"]])) == ("/metrics", served)
        assert name == "migrate" or "livenessProbe" in container
    assert "/readyz" in paths
    assert "/readyz" in (ROOT / "Dockerfile").read_text()


# --- promises --------------------------------------------------------------------------------


def test_every_process_has_the_time_it_needs_to_stop():
    times: dict[str, int] = {}
    for name, pod in pods().items():
        before = (
            pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        )
        times[f"pod {name}"] = pod.get("terminationGracePeriodSeconds", 30) - before
    for name, service in services().items():
        times[f"service {name}"] = int(service.get("stop_grace_period", "10s").removesuffix("s"))
    times |= {f"unit {path.stem}": int(unit(path)["TimeoutStopSec"][0]) for path in UNITS}
    needed = {"api": API_STOPS_S, "dispatcher": WORKER_STOP_S, "worker": WORKER_STOP_S + 10}
    running = {where: command[0] for where, command in commands().items() if command[0] in needed}
    assert {where: times[where] for where, name in running.items() if times[where] <= needed[name]} == {}
    assert set(running.values()) == set(needed)


def test_secrets_are_referred_to_never_written():
    assert not [where for where, found in resources() if found["kind"] == "Secret"]
    for pod in pods().values():
        given = {entry["name"]: entry for entry in pod["containers"][0]["env"]}
        assert {name for name in given if "valueFrom" in given[name]} == SECRETS
    credentials = re.compile(r"\w+://[^\s:/@]+:(?!\$\{|password@)[^\s@/]+@")
    assert not [path for path in ours() if credentials.search(path.read_text(encoding="utf-8"))]
    for sample in DEPLOY.rglob("*.env.example"):
        lines = sample.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if re.match(r"#? ?\w*(PASSWORD|SECRET|ACCESS_KEY)\w*=.", line)]
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)\}", text) == [], "without :? it may be empty"


@pytest.mark.parametrize("name", pods())
def test_a_pod_can_do_no_more_than_it_must(name: str):
    pod = pods()[name]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"])
    assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", services())
def test_a_compose_service_can_do_no_more_than_it_must(name: str):
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "ports" not in service


def test_workers_scale_on_the_queue_of_their_own_pool():
    deployments = {f["metadata"]["name"]: f for _, f in resources() if f["kind"] == "Deployment"}
    authentications = {
        f["metadata"]["name"]: f for _, f in resources() if f["kind"] == "TriggerAuthentication"
    }
    for _, found in resources():
        if found["kind"] == "ScaledObject":
            (trigger,) = found["spec"]["triggers"]
            target = deployments[found["spec"]["scaleTargetRef"]["name"]]
            args = target["spec"]["template"]["spec"]["containers"][0]["args"]
            pool = args[args.index("--pool") + 1]
            assert trigger["metadata"]["queueName"] == f"voicereel.{pool}"
            assert trigger["authenticationRef"]["name"] in authentications
            assert found["spec"]["minReplicaCount"] >= 1, "the API takes work only for engines that are up"
    pools = {stage.pool for plan in PLANS.values() for stage in plan}
    assert {f"voicereel-worker-{pool}" for pool in pools} <= set(deployments)


def test_the_proxy_speaks_tls_1_3_alone_and_hides_what_is_for_operators():
    text = (DEPLOY / "proxy" / "nginx.conf").read_text(encoding="utf-8")
    assert re.findall(r"ssl_protocols ([^;]+);", text) == ["TLSv1.3"]
    (hidden,) = re.findall(r"location ~ (\S+) \{\s*return 404;", text)
    assert all(re.search(hidden, path) for path in ("/metrics", "/metrics/", "/healthz"))
    assert not any(re.search(hidden, path) for path in ("/v1/jobs", "/readyz", "/metricsandmore"))
    (events,) = re.findall(r"location ~ (\S+) \{\s*proxy_buffering off;", text)
    assert re.search(events, "/v1/jobs/job_01JB8Z7W3V5K/events")
    # five recordings of a speaker and the form around them
    largest = 5 * Settings.model_fields["max_sample_bytes"].default
    assert int(re.findall(r"client_max_body_size (\d+)m;", text)[0]) * 2**20 > largest
