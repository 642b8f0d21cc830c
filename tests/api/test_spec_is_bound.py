"""The spec decides what is served: nothing less, nothing more."""

import pytest
from flask import Flask

from voicereel.api.binding import SpecError, bind, operations
from voicereel.bootstrap import Services
from voicereel.domain.account import SCOPES

# Served beside the spec: the spec itself, and pages to read it.
BESIDE = {"home", "spec", "docs", "static"}


def test_the_routes_are_the_operations(app: Flask) -> None:
    served = {
        (rule.rule.replace("<", "{").replace(">", "}"), method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in BESIDE
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert served == {(operation.path, operation.method) for operation in operations()}


def test_every_scope_is_one_that_a_key_can_have() -> None:
    assert {scope for operation in operations() for scope in operation.scopes or ()} <= set(SCOPES)


def test_only_health_and_presigned_downloads_are_public() -> None:
    public = {operation.id for operation in operations() if operation.scopes is None}
    assert public == {"getLiveness", "getReadiness", "downloadArtifact", "downloadClip", "downloadLineAudio"}


def test_every_private_operation_names_a_scope() -> None:
    assert all(operation.scopes != () for operation in operations())


@pytest.mark.parametrize(
    ("drop", "add"), [({"getJob"}, set()), (set(), {"getWeather"}), ({"getJob"}, {"getJobs"})]
)
def test_an_operation_unbound_or_unknown_stops_the_start(
    services: Services, drop: set[str], add: set[str]
) -> None:
    names = {operation.id for operation in operations()} - drop | add
    with pytest.raises(SpecError, match=r"getJob|getWeather"):
        bind(Flask("half"), dict.fromkeys(names, lambda call: None), accounts=services.accounts, limits={})
