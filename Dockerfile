# The command bamlvm, for one's own programs in the current folder: docker build -t bamlvm . && docker run --rm -v "$PWD:/work" bamlvm check
FROM python:3.11-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --wheel-dir /wheels "/source[serve]"

FROM python:3.11-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels 'bamlvm[serve]' && rm -r /wheels \
    && useradd --create-home bamlvm
USER bamlvm
WORKDIR /work
ENTRYPOINT ["bamlvm"]
