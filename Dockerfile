# syntax=docker/dockerfile:1
# Needs nothing writable but /data:
#   docker run --read-only --volume alert-router:/data --volume ./config.yaml:/etc/alert-router/config.yaml:ro \
#     --publish 9080:9080 alert-router
# In that file: `server: {listen: 0.0.0.0:9080, …}` and `storage: {path: /data/alert-router.db}`.

# By version and not by digest: a digest is a registry's word, and this file names no registry on purpose. To pin it:
#   docker build --build-arg BASE=python@sha256:… (from `docker buildx imagetools inspect python:3.11.14-slim-bookworm`)
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# Dependencies first: a layer that changes only with the lock files. The build backend stays out of the image that runs.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/alert-router \
    && /opt/alert-router/bin/python -m pip install --require-hashes -r requirements.lock \
    && python -m venv /opt/backend \
    && /opt/backend/bin/python -m pip install --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY adapters adapters
COPY rules rules
COPY router router
RUN /opt/backend/bin/python -m hatchling build --target wheel --directory dist \
    && /opt/alert-router/bin/python -m pip install --no-deps dist/alert_router-*.whl \
    && /opt/alert-router/bin/python -m pip uninstall --yes setuptools pip

FROM ${BASE}
# Nothing in the image that runs can install anything.
RUN python -m pip uninstall --yes wheel setuptools pip \
    && rm -rf /usr/local/lib/python3.11/ensurepip
RUN groupadd --gid 10001 alert-router \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin alert-router \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/alert-router /opt/alert-router
# The root file system may be read-only: no bytecode, and temporary files (SQLite's too) go to the volume.
ENV PATH=/opt/alert-router/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 TMPDIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 9080
# SIGTERM drains (calls in flight take up to 15 s): give it `--stop-timeout 20`. Exec form, so that it arrives.
STOPSIGNAL SIGTERM
# On whatever port the configuration says.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["alert-router", "health", "--config", "/etc/alert-router/config.yaml"]
ENTRYPOINT ["alert-router"]
CMD ["serve", "--config", "/etc/alert-router/config.yaml"]
