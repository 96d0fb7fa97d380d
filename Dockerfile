# A small image of the portable program (scripts/package.sh):
#   docker build -t embedtool .
#   docker run --rm -v "$PWD:/data" embedtool encode corpus.jsonl -o out
FROM debian:bookworm AS build
COPY . /src
WORKDIR /src
RUN scripts/setup.sh && apt-get install -q -y --no-install-recommends dpkg-dev icu-devtools patch
RUN scripts/package.sh && mkdir /out && tar -xz --strip-components=1 -C /out -f build/embedtool-*.tar.gz

FROM debian:bookworm-slim
# What pull uses; encoding needs neither.
RUN apt-get update -q && apt-get install -q -y --no-install-recommends libcurl4 ca-certificates && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /out /usr/local
WORKDIR /data
ENTRYPOINT ["embedtool"]
