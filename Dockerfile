# One image for every service of docker-compose.yml: one tag is one version of code, mappings and DAGs.
FROM ghcr.io/astral-sh/uv:0.9 AS uv

FROM python:3.11-slim-bookworm AS environment
COPY --from=uv /uv /usr/local/bin/uv
WORKDIR /opt/hopnhat
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_CACHE_DIR=/var/cache/uv
COPY pyproject.toml uv.lock ./
# Exactly what the lock file says, compiled: without .pyc files every task would spend 15 seconds on imports.
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --frozen --no-default-groups --group airflow --group distributed --compile-bytecode

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends mdbtools tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --gid 0 --create-home --home-dir /home/hopnhat hopnhat \
    && install --directory --owner=10001 --group=0 --mode=0770 /var/lib/hopnhat /var/log/hopnhat /var/lib/airflow
WORKDIR /opt/hopnhat
COPY --from=environment /opt/hopnhat/.venv .venv
COPY hopnhat hopnhat
COPY mappings mappings
COPY transforms transforms
COPY validators validators
COPY dags dags
COPY sql sql
# PYTHONPATH first: PyPI has a popular package `validators`, and Airflow only appends the DAG bundle to the path.
ENV PATH=/opt/hopnhat/.venv/bin:$PATH PYTHONPATH=/opt/hopnhat PYTHONUNBUFFERED=1 AIRFLOW_HOME=/var/lib/airflow
RUN python -m compileall -q hopnhat mappings transforms validators dags \
    && python -c "import dags, hopnhat, mappings, transforms, validators as v; assert v.__file__.startswith('/opt/hopnhat'), v.__file__" \
    && python -c "import airflow.providers.celery.executors.celery_executor"
USER 10001:0
ENTRYPOINT ["tini", "-g", "--"]
CMD ["airflow", "version"]
