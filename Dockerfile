# The service in a container: slim, not root, its state in a volume. docs/install.md says how to run it.

FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements-container.lock ./
RUN python -m venv /opt/moderation \
    && /opt/moderation/bin/pip install --no-cache-dir --require-hashes --requirement requirements-container.lock
COPY pyproject.toml README.md LICENSE ./
COPY moderation ./moderation
COPY models ./models
COPY data ./data
RUN /opt/moderation/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --uid 10001 --no-log-init --no-create-home --home-dir /var/lib/moderation --shell /usr/sbin/nologin moderation \
    && install --directory --owner=moderation --group=moderation --mode=0700 /var/lib/moderation
COPY --from=build /opt/moderation /opt/moderation
ENV PATH=/opt/moderation/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    MODERATION_VAR=/var/lib/moderation
WORKDIR /var/lib/moderation
USER moderation
VOLUME /var/lib/moderation
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz', timeout=4)"]
CMD ["sh", "-c", "moderation init && exec moderation serve"]
