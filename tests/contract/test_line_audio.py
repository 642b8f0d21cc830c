"""A line's audio out of either store: the take's samples, and a range of them."""

import io
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from tests.conftest import make_key
from tests.contract.conftest import Bucket
from tests.rendering import studio
from voicereel.api.app import create_app

LINES = [{"id": f"l{n}", "speaker": "stock:fake/a", "text": f"Take {'on ' * n}"} for n in range(1, 4)]


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_take_is_cut_out_of_its_file(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    store = ""
    if kind == "s3":
        bucket: Bucket = request.getfixturevalue("bucket")
        store = f"s3://{bucket.name}/artifacts?endpoint={bucket.server.url}&region=us-east-1"
    with studio(tmp_path / "home", engines="fake", store=store) as made:
        job_id = made.submit({"lines": LINES})
        assert made.runner.run_one()
        with made.services.jobs.work.reading() as tx:
            (file,) = tx.artifacts.of_job(job_id, kind="takes")
        whole, rate = soundfile.read(made.services.work.store.fetch(file.key, tmp_path), dtype="float32")
        client, headers = create_app(made.services).test_client(), make_key(made.services)
        page = client.get(f"/v1/jobs/{job_id}/lines", headers=headers).json
        heard = []
        for line in page["data"]:
            url = urlsplit(line["audio"]["url"])
            assert url.path.startswith(f"/v1/artifacts/{file.id}/takes/")
            with client.get(f"{url.path}?{url.query}") as reply:
                data = reply.data
            assert len(data) == line["audio"]["bytes"] == reply.content_length
            samples, own_rate = soundfile.read(io.BytesIO(data), dtype="float32")
            assert own_rate == rate
            heard.append(samples)
            with client.get(f"{url.path}?{url.query}", headers={"Range": "bytes=50-69"}) as part:
                assert (part.status_code, part.data) == (206, data[50:70])
    assert np.array_equal(np.concatenate(heard), whole)
