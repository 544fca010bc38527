# Packages are installed in one stage, so that pip's needs stay out of the image that runs.
FROM python:3.12-slim AS packages
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/facewarden
COPY requirements-build.lock requirements.lock ./
RUN /opt/facewarden/bin/pip install --no-build-isolation --require-hashes --no-deps -r requirements-build.lock \
 && /opt/facewarden/bin/pip install --no-build-isolation --require-hashes --no-deps -r requirements.lock
COPY . .
RUN /opt/facewarden/bin/pip install --no-build-isolation --no-deps .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /home/facewarden facewarden \
 && install -d -o facewarden -g facewarden -m 0700 /data
COPY --from=packages /opt/facewarden /opt/facewarden
USER 10001
# Inside a container the service must listen on every address, so an admin key has to be made first,
# `keys api create --role admin --name NAME` over the same volume, and somebody has to speak TLS:
# FACEWARDEN_TLS_CERT and FACEWARDEN_TLS_KEY, or FACEWARDEN_BEHIND_PROXY and FACEWARDEN_TRUSTED_PROXIES.
ENV FACEWARDEN_HOME=/data FACEWARDEN_HOST=0.0.0.0 FACEWARDEN_PORT=8000 PYTHONDONTWRITEBYTECODE=1
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["/opt/facewarden/bin/python", "-c", "import http.client, os, ssl; tls = {'FACEWARDEN_TLS_CERT', 'FACEWARDEN_HTTPS'} & os.environ.keys(); c = http.client.HTTPSConnection('127.0.0.1', 8000, timeout=4, context=ssl._create_unverified_context()) if tls else http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["/opt/facewarden/bin/facewarden"]
CMD ["serve"]
