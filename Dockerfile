# Two images: `api` (also runs the dispatcher and the migration; no numbers, no media) and `worker`.
#   docker build --target api    --tag voicereel-api:0.1.0 .
#   docker build --target worker --tag voicereel-worker:0.1.0 .
# Extras are arguments: what every process has (add traces,sentry), and what a worker has beside it (its engines).
ARG SERVICE_EXTRAS=production
ARG WORKER_EXTRAS=embedded

FROM python:3.11-slim-bookworm AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --only-binary=:all: --constraint requirements.lock 'setuptools>=77' 'wheel>=0.45'
COPY LICENSE README.md openapi.yaml pyproject.toml setup.cfg ./
COPY voicereel/ voicereel/
COPY workers/ workers/

# All wheels first; then a venv without pip, filled from them alone. srt is published as source only.
FROM builder AS api-packages
ARG SERVICE_EXTRAS
RUN python -m pip wheel --no-cache-dir --no-build-isolation --only-binary=:all: --no-binary=srt \
        --constraint requirements.lock --wheel-dir /wheels ".[${SERVICE_EXTRAS}]" \
    && python -m venv --without-pip /opt/voicereel \
    && python -m pip --python /opt/voicereel/bin/python install --no-cache-dir --no-index --find-links /wheels \
        "voicereel[${SERVICE_EXTRAS}]"

FROM builder AS worker-packages
ARG SERVICE_EXTRAS
ARG WORKER_EXTRAS
RUN python -m pip wheel --no-cache-dir --no-build-isolation --only-binary=:all: --no-binary=srt \
        --constraint requirements.lock --wheel-dir /wheels ".[${SERVICE_EXTRAS},${WORKER_EXTRAS}]" \
    && python -m venv --without-pip /opt/voicereel \
    && python -m pip --python /opt/voicereel/bin/python install --no-cache-dir --no-index --find-links /wheels \
        "voicereel[${SERVICE_EXTRAS},${WORKER_EXTRAS}]"

FROM python:3.11-slim-bookworm AS runtime
# The root file system may be read-only: what is written goes to the volume and to /tmp.
ENV PATH=/opt/voicereel/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VOICEREEL_HOME=/var/lib/voicereel \
    VOICEREEL_HOST=0.0.0.0 \
    VOICEREEL_METRICS_HOST=0.0.0.0
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/voicereel voicereel \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/voicereel
WORKDIR /var/lib/voicereel
VOLUME /var/lib/voicereel
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["voicereel-server"]
LABEL org.opencontainers.image.vendor="VoiceReel" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="0.1.0"

FROM runtime AS worker
LABEL org.opencontainers.image.title="voicereel-worker" \
    org.opencontainers.image.description="Renders VoiceReel's stages; holds espeak-ng, which is GPL-3.0-or-later" \
    org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later"
COPY --from=worker-packages /opt/voicereel /opt/voicereel
CMD ["worker", "--pool", "cpu"]

FROM runtime AS api
LABEL org.opencontainers.image.title="voicereel-api" \
    org.opencontainers.image.description="VoiceReel's API, dispatcher and migration"
COPY --from=api-packages /opt/voicereel /opt/voicereel
EXPOSE 8700
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('VOICEREEL_PORT', '8700') + '/readyz', timeout=4)"]
CMD ["api"]
