#!/bin/bash
# Records what a real server logs: pgbench, and one of everything that a report is about.
#
#   record.sh BIN OUT      BIN holds initdb, pg_ctl, and (or PSQL and PGBENCH do) psql and pgbench
#
# PREFIX, DEST, TZNAME, EXTRA: settings of the log. SCALE, LOAD1, LOAD2: how much of pgbench. VAC: seconds for autovacuum.
# The server is a throwaway: its own folder, its own socket, no network.
BIN=$1
OUT=$2
D=$(mktemp -d /tmp/pg.XXXX)
mkdir -p "$OUT"
AS=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$D"
  AS=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
cd "$D" || exit 1
run() { "${AS[@]}" env PGHOST=$D PGPORT=5999 PGUSER=postgres PGDATABASE=shop PGAPPNAME=${APP:-web} "$@"; }
run $BIN/initdb -D $D/data -U postgres --no-sync >/dev/null
DEST=${DEST:-stderr,csvlog,jsonlog}
cat >> $D/data/postgresql.conf <<C
listen_addresses=''
unix_socket_directories='$D'
port=5999
logging_collector=on
log_destination='$DEST'
log_directory='log'
log_filename='server.log'
log_line_prefix='${PREFIX:-%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h }'
log_min_duration_statement=0
log_lock_waits=on
deadlock_timeout=100ms
log_temp_files=0
log_checkpoints=on
log_autovacuum_min_duration=0
autovacuum_naptime=3s
log_connections=on
log_disconnections=on
log_recovery_conflict_waits=on
log_timezone='${TZNAME:-Europe/Berlin}'
fsync=off
max_connections=20
session_preload_libraries='auto_explain'
auto_explain.log_min_duration=40ms
auto_explain.log_analyze=on
auto_explain.log_buffers=on
wal_level=logical
checkpoint_timeout=30s
${EXTRA}
C
run $BIN/pg_ctl -D $D/data -w -l $D/start.log start >/dev/null
q() { run $PSQL -X -q -v ON_ERROR_STOP=0 "$@" >/dev/null 2>&1; }
PSQL=${PSQL:-$BIN/psql}; PGBENCH=${PGBENCH:-$BIN/pgbench}
run env PGDATABASE=postgres $PSQL -X -q -c "create database shop" >/dev/null
run $PGBENCH -i -q -s ${SCALE:-2} shop >/dev/null 2>&1
q <<'S'
create table customers(id serial primary key, email text unique, name text check (length(name) < 20));
insert into customers(email,name) select 'user'||i||'@example.org', 'n'||i from generate_series(1,2000) i;
create table orders(id serial primary key, customer_id int references customers, total numeric);
S
APP=pool run $PGBENCH -n -c 3 ${LOAD1:--T 4} -M prepared shop >/dev/null 2>&1
APP=web run $PGBENCH -n -c 2 ${LOAD2:--T 2} -M simple -S shop >/dev/null 2>&1
APP=api q <<'S'
insert into customers(email,name) values('user7@example.org','Mallory Secret');
insert into customers(email,name) values('new@example.org','a name that is far too long for this');
insert into orders(customer_id,total) values(999999, 12.5);
select * from no_such_table where token = 'tok-4242';
select no_such_column from customers;
select 1/0;
select 'abc-secret'::int;
selec 1;
select * from customers where name = 'unterminated;
';
set statement_timeout='60ms';
select pg_sleep(1), 'cancel me';
reset statement_timeout;
set lock_timeout='10ms';
S
APP=report q <<'S'
set work_mem='64kB';
select aid, bid from pgbench_accounts order by abalance, filler, aid desc offset 199990;
select count(*) from (select distinct md5(aid::text) from pgbench_accounts) x;
set auto_explain.log_format='json';
select b.bid, count(*) from pgbench_accounts a join pgbench_branches b using (bid) where a.filler <> 'x' group by 1;
set auto_explain.log_format='xml';
select max(aid) from pgbench_accounts where abalance > -100000000 and filler like '%q%';
set auto_explain.log_format='yaml';
select max(aid) from pgbench_accounts where abalance > -100000000 and filler like '%z%';
S
# lock wait
(APP=worker q -c "begin; update customers set name='held' where id=5; select pg_sleep(0.6); commit" ) &
sleep 0.15
APP=web q -c "update customers set name='waits' where id=5"
wait
# deadlock
(APP=worker q <<'S'
begin; update customers set name='x' where id=10;
select pg_sleep(0.3); update customers set name='x' where id=11; commit;
S
) &
(APP=web q <<'S'
begin; update customers set name='y' where id=11;
select pg_sleep(0.3); update customers set name='y' where id=10; commit;
S
) & wait
# log_statement + log_duration
APP=old q <<'S'
set log_min_duration_statement=-1;
set log_statement='all';
set log_duration=on;
select count(*) from customers where email like 'user1%';
select
   name,
   email
from customers
	where id = 77;
prepare p(int) as select * from customers where id=$1;
execute p(12);
S
# connection problems
run $PSQL -X -d nodb -c 'select 1' >/dev/null 2>&1
run $PSQL -X -U nobody_here -d shop -c 'select 1' >/dev/null 2>&1
(APP=idle q <<'S'
set idle_in_transaction_session_timeout='100ms';
begin; select 1;
\! sleep 0.4
select 2;
S
)
(APP=victim q -c "select pg_sleep(3)") & sleep 0.3
APP=dba q -c "select pg_terminate_backend(pid) from pg_stat_activity where application_name='victim'"
(APP=victim q -c "select pg_sleep(3)") & sleep 0.3
APP=dba q -c "select pg_cancel_backend(pid) from pg_stat_activity where application_name='victim'"
wait
APP=dba q -c "checkpoint"
# too many connections
for i in $(seq 1 24); do (APP=flood q -c "select pg_sleep(0.5)") & done; wait
APP=dba q -c "delete from customers where id % 3 = 0" -c "vacuum analyze customers" -c "raise"
APP=dba q -c "do \$\$ begin raise warning 'look: %', 'hidden-value'; perform 1/0; end \$\$"
sleep ${VAC:-5}
# crash
P=$(run $PSQL -X -At -c "select pg_backend_pid()" ); 
(APP=crash q -c "select pg_sleep(5)") & sleep 0.3
kill -9 $(run $PSQL -X -At -c "select pid from pg_stat_activity where application_name='crash'")
sleep 1.5
run $BIN/pg_ctl -D $D/data -w -m fast stop >/dev/null
cp $D/data/log/server.* $OUT/; cp $D/start.log $OUT/
rm -rf $D
