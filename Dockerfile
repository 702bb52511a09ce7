# One image for server, worker and the cloud function that analyses sound: `up` by itself, `serve` and `worker`
# with DATABASE_URL and REDIS_URL set, and `python -m awslambdaric api.hooks.object_created` (serverless.yml).
FROM python:3.13-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/catalograph
COPY requirements.lock .
# Wheels only, each compared with its hash: nothing is compiled and nothing is taken that was not locked.
RUN /opt/catalograph/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
# What a function in an image talks to its platform by, from the lock that the tests run it from.
COPY requirements-dev.lock .
RUN awk '/^[^ #]/ {wanted = /^(awslambdaric|simplejson|snapshot-restore-py)==/} wanted' requirements-dev.lock \
        > functions.lock \
    && /opt/catalograph/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r functions.lock
COPY api ./app/api
COPY graph ./app/graph
COPY domain ./app/domain
COPY jobs ./app/jobs
COPY migrations ./app/migrations
COPY openapi ./app/openapi
RUN /opt/catalograph/bin/python -m compileall -q app
# The taggers' weights, converted here: what converts them is then needed no more.
WORKDIR /build/app
RUN CATALOGRAPH_BOOTSTRAP=skip CATALOGRAPH_STATE_FOLDER=/build/state CATALOGRAPH_WEIGHTS_FOLDER=/build/weights \
        /opt/catalograph/bin/python -m api weights install \
    && chmod -R a+rX /build/weights \
    && /opt/catalograph/bin/pip uninstall --yes --quiet onnx ml-dtypes

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/catalograph --create-home catalograph
COPY --from=build /opt/catalograph /opt/catalograph
COPY --from=build /build/app /srv/catalograph
COPY --from=build /build/weights /opt/weights
WORKDIR /srv/catalograph
# The environment is made: the bootstrap that would make one stands back.
ENV PATH=/opt/catalograph/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CATALOGRAPH_BOOTSTRAP=skip \
    CATALOGRAPH_HOST=0.0.0.0 \
    CATALOGRAPH_WEIGHTS_FOLDER=/opt/weights \
    CATALOGRAPH_STATE_FOLDER=/var/lib/catalograph
USER 10001
VOLUME /var/lib/catalograph
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s --retries=3 CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
ENTRYPOINT ["python", "-m", "api"]
CMD ["up"]
