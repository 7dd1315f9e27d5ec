# Two stages: the first builds the program, the second holds it and nothing of the toolchain.
#
#   docker build -t cohort .
#   docker run --rm --volume "$PWD:/data" --workdir /data --user "$(id -u):$(id -g)" cohort data stats .
FROM rust:1-slim-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked --package cohort

FROM debian:bookworm-slim
# certificates for weights by name (hf:...); everything else needs none
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /source/target/release/cohort /usr/local/bin/cohort
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/cohort/
ENTRYPOINT ["cohort"]
