# PostgreSQL 15 with angle, made by the steps of ./quickstart up to the server; the
# dictionary is left out. README.md says how to use it.
FROM debian:bookworm-slim
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV LC_ALL=C.UTF-8 PGDATA=/var/lib/postgresql/data
WORKDIR /usr/src/angle
COPY script script
RUN bash -c 'TOP=$PWD && . script/lib.sh && install_packages /tmp/apt.log build' && rm -rf /var/lib/apt/lists/* /tmp/apt.log
COPY . .
RUN make -s -j "$(nproc)" && make -s install
USER postgres
VOLUME /var/lib/postgresql
EXPOSE 5432
CMD ["script/container"]
