"""The files an installation is made from, read the way their tools read them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
KUSTOMIZATIONS = {
    path.parent: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted(KUBERNETES.rglob("kustomization.yaml"))
}


def ours() -> Iterator[Path]:
    """Every file that tells a process of ours how to run."""
    yield from (ROOT / "compose.yaml", ROOT / "Dockerfile")
    others = (DEPLOY / "s3",)
    yield from (
        path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and not set(others) & set(path.parents)
    )


def resources() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Kubernetes object of base, components and example, with the file it is in; no patches."""
    for folder, kustomization in KUSTOMIZATIONS.items():
        for name in kustomization.get("resources", []):
            if (folder / name).is_file():
                path = folder / name
                for found in yaml.safe_load_all(path.read_text(encoding="utf-8")):
                    yield str(path.relative_to(KUBERNETES)), found


def pods() -> dict[str, Mapping[str, Any]]:
    """The pod of each Deployment and Job by its component."""
    return {
        found["metadata"]["labels"]["app.kubernetes.io/component"]: found["spec"]["template"]["spec"]
        for _, found in resources()
        if found["kind"] in ("Deployment", "Job")
    }


def pod_environment(pod: Mapping[str, Any]) -> dict[str, str]:
    """What the only container of a pod finds in its environment; a secret is its key's name."""
    (settings,) = (found["data"] for _, found in resources() if found["kind"] == "ConfigMap")
    (container,) = pod["containers"]
    given = {entry["name"]: entry for entry in container["env"]}
    return settings | {
        name: entry["value"] if "value" in entry else entry["valueFrom"]["secretKeyRef"]["key"]
        for name, entry in given.items()
    }


def services() -> dict[str, Mapping[str, Any]]:
    """The compose services that run an image of ours."""
    return {name: found for name, found in COMPOSE["services"].items() if "build" in found}


def unit(path: Path) -> dict[str, list[str]]:
    """A systemd unit's entries, all sections in one: each key's values in their order."""
    entries: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        key, is_entry, value = line.partition("=")
        if is_entry and not line.startswith("#"):
            entries.setdefault(key, []).append(value)
    return entries
