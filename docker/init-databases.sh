#!/bin/sh
# Runs once, when PostgreSQL's data directory is empty: two databases, each with a role of its own that cannot enter the other.
set -eu
psql --set=ON_ERROR_STOP=1 --username postgres --dbname postgres \
     --set=hopnhat_password="$HOPNHAT_DB_PASSWORD" --set=airflow_password="$AIRFLOW_DB_PASSWORD" <<'SQL'
CREATE ROLE hopnhat LOGIN PASSWORD :'hopnhat_password';
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE DATABASE hopnhat OWNER hopnhat ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE airflow OWNER airflow ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE hopnhat FROM PUBLIC;
REVOKE CONNECT ON DATABASE airflow FROM PUBLIC;
SQL
