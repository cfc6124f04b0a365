/*
 * Does one kind of work through libpq for a while and prints what it took as one line of JSON: the limit for
 * clients that use PostgreSQL's own library. Results are read in full and thrown away.
 *
 * The server comes from libpq's own environment variables, the work from the command line:
 *   --kind query|rows|connect|copyOut --sql TEXT [--value TEXT ...] [--named] --seconds S --warm-up S
 *   [--pool N] [--in-flight N]
 */

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define MAX_VALUES 16
#define MAX_POOL 64
#define STATEMENT "s"

static const char *kind = "query";
static const char *sql = "";
static const char *values[MAX_VALUES];
static int value_count, named, pool = 1, in_flight = 1;
static double seconds = 1.0, warm_up = 0.5;
static PGconn *connections[MAX_POOL];
static long rows_of_one_run;

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "error: %s: %s\n", what, why);
	exit(1);
}

static double wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* A process's own peak; getrusage's would start with the size of the process that forked this one. */
static long peak_kilobytes(void)
{
	char line[256];
	long kilobytes = -1;
	FILE *status = fopen("/proc/self/status", "r");
	struct rusage usage;

	while (status && fgets(line, sizeof line, status))
		if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1)
			break;
	if (status)
		fclose(status);
	if (kilobytes < 0) {
		getrusage(RUSAGE_SELF, &usage);
		kilobytes = usage.ru_maxrss;
	}
	return kilobytes;
}

static PGconn *open_connection(void)
{
	PGconn *connection = PQconnectdb("");

	if (PQstatus(connection) != CONNECTION_OK)
		fail("connect", PQerrorMessage(connection));
	return connection;
}

static long take(PGresult *result, PGconn *connection)
{
	ExecStatusType status = PQresultStatus(result);
	long rows;

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_OUT)
		fail("query", PQerrorMessage(connection));
	rows = PQntuples(result);
	PQclear(result);
	return rows;
}

static long ask(PGconn *connection)
{
	PGresult *result = named
		? PQexecPrepared(connection, STATEMENT, value_count, values, NULL, NULL, 0)
		: PQexecParams(connection, sql, value_count, NULL, values, NULL, NULL, 0);

	return take(result, connection);
}

static void send_query(PGconn *connection)
{
	int sent = named
		? PQsendQueryPrepared(connection, STATEMENT, value_count, values, NULL, NULL, 0)
		: PQsendQueryParams(connection, sql, value_count, NULL, values, NULL, NULL, 0);

	if (!sent)
		fail("send", PQerrorMessage(connection));
}

/* One query at a time on each connection of the pool, all connections at once. */
static long ask_many(void)
{
	struct pollfd sockets[MAX_POOL];
	long rows = 0;
	int sent = 0, finished = 0;

	for (int i = 0; i < pool; i++, sent++) {
		send_query(connections[i]);
		sockets[i] = (struct pollfd) { .fd = PQsocket(connections[i]), .events = POLLIN };
	}
	while (finished < in_flight) {
		if (poll(sockets, pool, -1) < 0)
			fail("poll", "interrupted");
		for (int i = 0; i < pool; i++) {
			PGresult *result;

			if (!(sockets[i].revents & POLLIN))
				continue;
			if (!PQconsumeInput(connections[i]))
				fail("read", PQerrorMessage(connections[i]));
			while (!PQisBusy(connections[i])) {
				result = PQgetResult(connections[i]);
				if (result) {
					rows += take(result, connections[i]);
					continue;
				}
				finished++;
				if (sent >= in_flight) {
					sockets[i].events = 0;
					break;
				}
				send_query(connections[i]);
				sent++;
			}
		}
	}
	rows_of_one_run = rows;
	return in_flight;
}

static long copy_out(void)
{
	char *line;

	take(PQexec(connections[0], sql), connections[0]);
	rows_of_one_run = 0;
	while (PQgetCopyData(connections[0], &line, 0) > 0) {
		PQfreemem(line);
		rows_of_one_run++;
	}
	for (PGresult *result; (result = PQgetResult(connections[0]));)
		take(result, connections[0]);
	return rows_of_one_run;
}

static long batch(void)
{
	if (strcmp(kind, "connect") == 0) {
		PQfinish(open_connection());
		return 1;
	}
	if (strcmp(kind, "copyOut") == 0)
		return copy_out();
	if (strcmp(kind, "rows") == 0)
		return rows_of_one_run = ask(connections[0]);
	if (in_flight > 1)
		return ask_many();
	rows_of_one_run = ask(connections[0]);
	return 1;
}

static void read_arguments(int count, char **arguments)
{
	for (int i = 1; i < count; i++) {
		const char *name = arguments[i];
		const char *value;

		if (strcmp(name, "--named") == 0) {
			named = 1;
			continue;
		}
		if (++i == count)
			fail(name, "wants a value");
		value = arguments[i];
		if (strcmp(name, "--kind") == 0)
			kind = value;
		else if (strcmp(name, "--sql") == 0)
			sql = value;
		else if (strcmp(name, "--value") == 0 && value_count < MAX_VALUES)
			values[value_count++] = value;
		else if (strcmp(name, "--pool") == 0)
			pool = atoi(value);
		else if (strcmp(name, "--in-flight") == 0)
			in_flight = atoi(value);
		else if (strcmp(name, "--seconds") == 0)
			seconds = atof(value);
		else if (strcmp(name, "--warm-up") == 0)
			warm_up = atof(value);
		else
			fail(name, "is no option");
	}
	if (pool < 1 || pool > MAX_POOL)
		fail("--pool", "out of range");
}

int main(int count, char **arguments)
{
	double started, cpu_before, took;
	long done = 0;

	read_arguments(count, arguments);
	if (strcmp(kind, "connect") != 0)
		for (int i = 0; i < pool; i++) {
			connections[i] = open_connection();
			if (named)
				take(PQprepare(connections[i], STATEMENT, sql, 0, NULL), connections[i]);
		}

	started = wall();
	do
		batch();
	while (wall() - started < warm_up);

	started = wall();
	cpu_before = cpu();
	do
		done += batch();
	while ((took = wall() - started) < seconds);

	printf("{\"count\":%ld,\"seconds\":%.9f,\"cpuSeconds\":%.9f,\"peakBytes\":%ld,\"result\":{\"rows\":%ld}}\n",
		   done, took, cpu() - cpu_before, peak_kilobytes() * 1024, rows_of_one_run);
	return 0;
}
