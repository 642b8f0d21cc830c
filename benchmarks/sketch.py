"""What one would write instead: FastAPI and asyncpg, accepting the same script into the same tables.

It checks the key, validates, and writes idempotency row, job, lines, stage runs, event and outbox row in one
statement, as the service does; the reply has the same shape. It has no logs, metrics, fair turns between
tenants, speakers of a tenant's own, or field-by-field errors in the service's form.

    VOICEREEL_DATABASE_URL=… uvicorn sketch:app --workers 3 --loop uvloop --http httptools --no-access-log
"""

import asyncio
import hashlib
import hmac
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from ulid import ULID

_KEY_KNOWN_S = 5.0
_VOICES_KNOWN_S = 1.0
_PING_S = 15.0
_STAGES = ("synthesize", "fit", "mix", "package")


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Slot(Strict):
    start_ms: Annotated[int, Field(ge=0, le=14_400_000)]
    end_ms: Annotated[int, Field(ge=1, le=14_400_000)]


class Line(Strict):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    speaker: Annotated[str, Field(min_length=1, max_length=128)]
    text: Annotated[str, Field(min_length=1, max_length=5000, pattern=r"\S")]
    language: Annotated[str, Field(max_length=35)] | None = None
    speed: Annotated[float, Field(ge=0.5, le=2)] | None = None
    pitch_st: Annotated[float, Field(ge=-12, le=12)] | None = None
    gain_db: Annotated[float, Field(ge=-24, le=12)] | None = None
    pause_after_ms: Annotated[int, Field(ge=0, le=60_000)] = 250
    overlap_ms: Annotated[int, Field(ge=0, le=5_000)] = 0
    style: Annotated[str, Field(max_length=100)] | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    slot: Slot | None = None


class Output(Strict):
    formats: Annotated[
        list[Literal["wav", "mp3", "flac", "ogg", "m4a"]], Field(min_length=1, max_length=5)
    ] = ["mp3"]
    sample_rate: int | None = None
    channels: Literal[1, 2] = 1
    loudness_lufs: Annotated[float, Field(ge=-40, le=-8)] = -16.0
    true_peak_dbtp: Annotated[float, Field(ge=-9, le=0)] = -1.0


class Captions(Strict):
    formats: Annotated[list[Literal["json", "vtt", "srt"]], Field(max_length=3)] = ["json", "vtt", "srt"]
    style: Literal["default"] = "default"


class Script(Strict):
    title: Annotated[str, Field(max_length=200)] = ""
    language: Annotated[str, Field(max_length=35)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    cast: Annotated[dict[str, str], Field(max_length=200)] = {}
    lines: Annotated[list[Line], Field(min_length=1, max_length=2000)]
    output: Output = Output()
    captions: Captions = Captions()
    retention_hours: Annotated[int, Field(ge=1, le=8_760)] = 168
    metadata: Annotated[dict[str, str], Field(max_length=20)] = {}


class Progress(BaseModel):
    done: int
    total: int
    unit: str = "line"


class Stage(BaseModel):
    name: str
    status: str = "queued"
    attempt: int = 0
    progress: float = 0.0


class Job(BaseModel):
    id: str
    kind: str = "speech"
    status: str = "queued"
    stale: bool = False
    revision: int = 0
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: Progress
    stages: list[Stage]
    warnings: list[dict[str, Any]] = []
    error: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    billable_ms: int | None = None
    metadata: dict[str, str]


class Caller(BaseModel):
    tenant_id: str
    key_id: str
    sha256: str
    scopes: list[str]


_ACCEPT = """
WITH go AS ({go}),
job AS (
  INSERT INTO jobs (id, tenant_id, kind, status, request, metadata, request_id, key_id, trace, stale,
         revision, lines_done, lines_total, warnings, created_at)
  SELECT $1, $2, 'speech', 'queued', $3, $4, $5, $6, '', false, 0, 0, $7, '[]', $8 FROM go),
line AS (
  INSERT INTO lines (job_id, ordinal, line_id, role, text, spec, status, warnings)
  SELECT $1, ordinal, line_id, role, text, spec, 'queued', '[]'
    FROM go, unnest($9::int[], $10::text[], $11::text[], $12::text[], $13::jsonb[])
      AS l(ordinal, line_id, role, text, spec)),
run AS (
  INSERT INTO stage_runs (job_id, tenant_id, stage, shard, ordinal, pool, payload, status, priority, attempt,
         max_attempts, fence, progress, next_run_at, turn_at, dispatched_at)
  SELECT $1, $2, stage, shard, ordinal, 'cpu', payload, CASE ordinal WHEN 0 THEN 'queued' ELSE 'blocked' END,
         0, 0, 5, 0, 0, clock_timestamp(), clock_timestamp(), clock_timestamp()
    FROM go, unnest($14::text[], $15::int[], $16::int[], $17::jsonb[]) AS r(stage, shard, ordinal, payload)),
event AS (
  INSERT INTO events (tenant_id, job_id, id, type, data, created_at)
  SELECT $2, $1, 1, 'job.updated', $18, clock_timestamp() FROM go),
woken AS (
  INSERT INTO outbox (topic, payload, created_at)
  SELECT 'wake', '{{"pools":["cpu"]}}', clock_timestamp() FROM go)
SELECT count(*) FROM go"""
_ONCE = """
  INSERT INTO idempotency (tenant_id, route, key, request_sha256, status, body, location, expires_at)
  VALUES ($2, 'synthesize', $19, $20, 202, $18, '/v1/jobs/' || $1, clock_timestamp() + interval '24 h')
  ON CONFLICT DO NOTHING RETURNING 1"""
ACCEPT, ACCEPT_ONCE = _ACCEPT.format(go="SELECT 1"), _ACCEPT.format(go=_ONCE)
REPLY = """SELECT body, request_sha256 FROM idempotency
 WHERE tenant_id = $1 AND route = 'synthesize' AND key = $2"""
KEY = """SELECT id AS key_id, tenant_id, sha256, scopes FROM api_keys
 WHERE sha256 = $1 AND revoked_at IS NULL AND coalesce(expires_at > now(), true)"""
JOB = """SELECT id, kind, status, stale, revision, created_at, started_at, finished_at, lines_done,
       lines_total, warnings, error, billable_ms, metadata,
       (SELECT jsonb_agg(jsonb_build_array(stage, status, attempt, progress) ORDER BY ordinal, shard)
          FROM stage_runs WHERE job_id = jobs.id) AS runs,
       (SELECT jsonb_agg(to_jsonb(artifacts) ORDER BY id) FROM artifacts WHERE job_id = jobs.id) AS artifacts
  FROM jobs WHERE id = $1 AND tenant_id = $2"""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    dsn = os.environ["VOICEREEL_DATABASE_URL"].replace("postgresql+psycopg:", "postgresql:")
    async with asyncpg.create_pool(dsn, min_size=8, max_size=8) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)
_callers: dict[str, tuple[float, Caller]] = {}
_voices: tuple[float, frozenset[str]] = (0.0, frozenset())


async def caller(request: Request, authorization: Annotated[str, Header()] = "") -> Caller:
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401)
    sha256 = hashlib.sha256(key.encode()).hexdigest()
    known = _callers.get(sha256)
    if known is None or known[0] < time.monotonic():
        row = await request.app.state.pool.fetchrow(KEY, sha256)
        if row is None:
            raise HTTPException(401)
        known = (
            time.monotonic() + _KEY_KNOWN_S,
            Caller(**{**row, "scopes": json.loads(row["scopes"])}),
        )
        _callers[sha256] = known
    if not hmac.compare_digest(known[1].sha256, sha256):
        raise HTTPException(401)
    return known[1]


async def stock_voices(pool: asyncpg.Pool) -> frozenset[str]:
    """The voices of the engines that are up, asked for once a second."""
    global _voices
    if _voices[0] < time.monotonic():
        up = "SELECT facts FROM engine_adverts WHERE seen_at > now() - interval '30 s'"
        engines = [json.loads(row["facts"]) for row in await pool.fetch(up)]
        names = frozenset(
            f"stock:{engine['name']}/{voice['name']}{variant}"
            for engine in engines
            for voice in engine["voices"]
            for variant in ("", *(f"+{each}" for each in engine["variants"]))
        )
        _voices = (time.monotonic() + _VOICES_KNOWN_S, names)
    return _voices[1]


@app.post("/v1/synthesize", status_code=202)
async def synthesize(
    script: Script,
    request: Request,
    who: Annotated[Caller, Depends(caller)],
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Response:
    if "jobs:write" not in who.scopes:
        raise HTTPException(403)
    pool = request.app.state.pool
    known = await stock_voices(pool)
    speakers = [script.cast.get(line.speaker, line.speaker) for line in script.lines]
    if not known.issuperset(speakers):
        raise HTTPException(422)
    ids = [line.id or f"l{number}" for number, line in enumerate(script.lines, 1)]
    if len(set(ids)) < len(ids):
        raise HTTPException(422)
    job = Job(
        id=f"job_{ULID()}",
        created_at=datetime.now(UTC),
        progress=Progress(done=0, total=len(ids)),
        stages=[Stage(name=name) for name in _STAGES],
        metadata=script.metadata,
    )
    view = job.model_dump_json()
    values = [
        job.id, who.tenant_id, script.model_dump_json(include=_REQUEST), json.dumps(script.metadata),
        f"req_{ULID()}", who.key_id, len(ids), job.created_at,
        list(range(len(ids))), ids, [line.speaker for line in script.lines],
        [line.text for line in script.lines], _specs(script, speakers),
        *_runs(script), view,
    ]  # fmt: skip
    if idempotency_key is None:
        await pool.fetchval(ACCEPT, *values)
    else:
        sha256 = hashlib.sha256(await request.body()).hexdigest()
        if not await pool.fetchval(ACCEPT_ONCE, *values, idempotency_key, sha256):
            stored = await pool.fetchrow(REPLY, who.tenant_id, idempotency_key)
            if stored["request_sha256"] != sha256:
                raise HTTPException(422)
            view = stored["body"]
    headers = {"Location": f"/v1/jobs/{job.id}", "Cache-Control": "no-store"}
    return Response(view, 202, headers, "application/json")


_REQUEST = {"title", "language", "output", "captions", "retention_hours"}


def _specs(script: Script, speakers: list[str]) -> list[str]:
    """What each line says beyond its text, with its voice."""
    specs = []
    for line, speaker in zip(script.lines, speakers, strict=True):
        engine, _, name = speaker.removeprefix("stock:").partition("/")
        specs.append(
            json.dumps(
                {
                    "pause_after_ms": line.pause_after_ms,
                    "overlap_ms": line.overlap_ms,
                    "slot": line.slot and line.slot.model_dump(),
                    "controls": {
                        "speed": line.speed, "pitch_st": line.pitch_st, "gain_db": line.gain_db,
                        "language": line.language or script.language, "style": line.style,
                        "seed": script.seed if line.seed is None else line.seed,
                    },
                    "voice": {
                        "speaker_id": speaker, "speaker_name": line.speaker, "engine": engine, "name": name,
                        "profile": {},
                    },
                }
            )
        )  # fmt: skip
    return specs


def _runs(script: Script) -> tuple[list[str], list[int], list[int], list[str]]:
    """Stage, shard, ordinal and payload of each stage run, a list each."""
    runs = [
        ("synthesize", 0, 0, {"first": 0, "last": len(script.lines), "engine": "espeak"}),
        ("fit", 0, 1, {}),
        ("mix", 0, 2, {"rate": script.output.sample_rate or 44_100}),
        ("package", 0, 3, {"captions": True}),
        *(("package", shard, 3, {"format": name}) for shard, name in enumerate(script.output.formats, 1)),
    ]
    stages, shards, ordinals, payloads = zip(*runs, strict=True)
    return list(stages), list(shards), list(ordinals), [json.dumps(payload) for payload in payloads]


@app.get("/v1/jobs/{job_id}")
async def job(job_id: str, request: Request, who: Annotated[Caller, Depends(caller)]) -> Response:
    row = await request.app.state.pool.fetchrow(JOB, job_id, who.tenant_id)
    if row is None:
        raise HTTPException(404)
    found = Job(
        **{name: row[name] for name in ("id", "kind", "status", "stale", "revision", "billable_ms")},
        **{name: row[name] for name in ("created_at", "started_at", "finished_at")},
        progress=Progress(done=row["lines_done"], total=row["lines_total"]),
        stages=_summed_up(json.loads(row["runs"])),
        warnings=json.loads(row["warnings"]),
        error=row["error"] and json.loads(row["error"]),
        outputs={"artifacts": json.loads(row["artifacts"])} if row["artifacts"] else None,
        metadata=json.loads(row["metadata"]),
    )
    return Response(found.model_dump_json(), media_type="application/json")


def _summed_up(runs: list[tuple[str, str, int, float]]) -> list[Stage]:
    """A stage's shards as one: by the furthest attempt, and running until all of them are done."""
    stages: dict[str, list[tuple[str, str, int, float]]] = {}
    for run in runs:
        stages.setdefault(run[0], []).append(run)
    return [
        Stage(
            name=name,
            status=shards[0][1] if len({shard[1] for shard in shards}) == 1 else "running",
            attempt=max(shard[2] for shard in shards),
            progress=round(sum(shard[3] for shard in shards) / len(shards), 3),
        )
        for name, shards in stages.items()
    ]


@app.get("/v1/jobs/{job_id}/events")
async def events(job_id: str, request: Request, who: Annotated[Caller, Depends(caller)]) -> StreamingResponse:
    query = """SELECT e.id, e.type, e.data FROM events e JOIN jobs j ON j.id = e.job_id
        WHERE j.id = $1 AND j.tenant_id = $2 AND e.id > $3 ORDER BY e.id"""

    async def stream() -> AsyncIterator[str]:
        seen = 0
        while True:
            for row in await request.app.state.pool.fetch(query, job_id, who.tenant_id, seen):
                seen = row["id"]
                yield f"id: {seen}\nevent: {row['type']}\ndata: {row['data']}\n\n"
            yield ": ping\n\n"
            await asyncio.sleep(_PING_S)

    return StreamingResponse(stream(), media_type="text/event-stream")
