# The CLI for pipelines without Node:
#   docker run --rm -e DATABASE_URL -v "$PWD:/work" ghcr.io/dbops/dbops migrate status
FROM node:24-slim AS build
WORKDIR /src
COPY . .
# The dependency `node` is the clone's own Node, which the image has.
RUN npm ci --ignore-scripts \
  && node build.mjs \
  && npm pack --ignore-scripts --pack-destination /tmp

FROM node:24-slim
COPY --from=build /tmp/dbops-*.tgz /tmp/
RUN npm install --global --ignore-scripts --no-audit --no-fund /tmp/dbops-*.tgz \
  && npm cache clean --force \
  && rm /tmp/dbops-*.tgz \
  && mkdir -p /cache /work \
  && chown node:node /cache /work
ENV DBOPS_CACHE_DIR=/cache
VOLUME /cache
USER node
WORKDIR /work
ENTRYPOINT ["dbops"]
CMD ["--help"]
