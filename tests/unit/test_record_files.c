// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The files of a recording: names and numbers, what is deleted, each a whole capture. */
#include <dirent.h>
#include <errno.h>

#include "cmd_record_files.h"
#include "log.h"
#include "out_capture.h"
#include "out_test.h"

#define PID 100

struct world {
	char dir[64];
	char path[128];
	struct record_files *f;
};

static void world_init(struct world *w, const char *name)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/loopray-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/%s", w->dir, name);
}

/* Removes all of it; @names: those that are to be there, in order, with a blank behind each. */
static void world_end(struct world *w, const char *names)
{
	struct dirent **list;
	char all[1024] = "";
	int n = scandir(w->dir, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[400];

		if (list[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", w->dir, list[i]->d_name);
			strcat(strcat(all, list[i]->d_name), " ");
			unlink(path);
		}
		free(list[i]);
	}
	free(list);
	rmdir(w->dir);
	assert_string_equal(all, names);
}

static void touch(const struct world *w, const char *name)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
}

static void start(struct world *w, bool rotate, uint64_t bytes, uint32_t keep)
{
	struct record_files_opts opts = {
		.path = w->path, .rotate = rotate, .rotate_bytes = bytes, .keep = keep};

	assert_int_equal(record_files__new(&w->f, &opts), 0);
}

static int request(struct world *w, uint64_t ts, uint64_t conn)
{
	struct flow_event ev = {.type = FE_IN, .pid = PID, .tid = PID, .ts = ts};
	char path[64];

	snprintf(path, sizeof(path), "/x/%llu-%llu", (unsigned long long)conn,
		 (unsigned long long)ts * 0x9e3779b97f4a7c15ULL);
	ev.io.conn = conn;
	ev.io.flags = FE_F_HEAD | FE_F_END;
	ev.io.path = (struct flow_str){path, (uint32_t)strlen(path)};
	ev.io.method_name = (struct flow_str){"GET", 3};
	return record_files__event(w->f, &ev);
}

static void target(struct world *w)
{
	struct flow_event ev = {.type = FE_TARGET, .pid = PID, .tid = PID, .ts = 1};

	assert_int_equal(record_files__event(w->f, &ev), 0);
}

static void end(struct world *w, struct record_files_stats *stats)
{
	assert_int_equal(record_files__close(w->f, true, stats), 0);
}

struct seen {
	uint32_t targets, heads, before;
};

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct seen *s = ctx;

	s->targets += ev->type == FE_TARGET;
	s->heads += ev->type == FE_IN && !flow_event__before(ev);
	s->before += flow_event__before(ev);
	return 0;
}

static struct seen read_back(const struct world *w, const char *name)
{
	struct seen seen = {0};
	struct flow_sink sink = {.event = on_event, .ctx = &seen};
	struct capture_reader *r;
	char path[200], why[256];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	assert_int_equal(capture_reader__open(&r, path, why, sizeof(why)), 0);
	assert_int_equal(capture_reader__run(r, &sink), 0);
	assert_int_equal(capture_reader__info(r)->end, CAPTURE_COMPLETE);
	assert_int_equal(capture_reader__info(r)->requests, seen.heads);
	capture_reader__free(r);
	return seen;
}

static void test_one_file(void **state)
{
	struct record_files_stats stats;
	struct world w;

	(void)state;
	world_init(&w, "run.lray");
	start(&w, false, 0, 0);
	assert_null(record_files__name(w.f));
	target(&w);
	assert_int_equal(request(&w, 10, 1), 0);
	assert_string_equal(record_files__name(w.f), w.path);
	end(&w, &stats);
	assert_int_equal(stats.files, 1);
	assert_int_equal(stats.requests, 1);
	assert_true(stats.bytes > 100);
	assert_int_equal(read_back(&w, "run.lray").heads, 1);
	world_end(&w, "run.lray ");
}

static void test_no_event_no_file(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "run.lray");
	start(&w, true, 0, 0);
	record_files__rotate(w.f);
	end(&w, NULL);
	world_end(&w, "");
}

/* Each file knows the target and what is in flight, and counts its own requests. */
static void test_signal(void **state)
{
	struct record_files_stats stats;
	struct seen seen;
	struct world w;

	(void)state;
	world_init(&w, "run.lray");
	start(&w, true, 0, 0);
	target(&w);
	assert_int_equal(request(&w, 10, 1), 0);
	record_files__rotate(w.f);
	assert_int_equal(request(&w, 20, 2), 0);
	assert_int_equal(request(&w, 30, 3), 0);
	record_files__rotate(w.f);
	end(&w, &stats);
	assert_int_equal(stats.files, 3);
	assert_int_equal(stats.requests, 3);
	seen = read_back(&w, "run-0001.lray");
	assert_int_equal(seen.heads, 1);
	assert_int_equal(seen.before, 0);
	seen = read_back(&w, "run-0002.lray");
	assert_int_equal(seen.targets, 1);
	assert_int_equal(seen.heads, 2);
	assert_int_equal(seen.before, 1);
	seen = read_back(&w, "run-0003.lray");
	assert_int_equal(seen.heads, 0);
	assert_int_equal(seen.before, 3);
	world_end(&w, "run-0001.lray run-0002.lray run-0003.lray ");
}

/*
 * Numbers go on behind those that are there, also of what a run that died has left; names that only
 * look alike are left alone.
 */
static void test_numbers_and_keep(void **state)
{
	static const char *const others[] = {"run-0007.lray.tmp", "run-8.lray", "run-0009.txt",
					     "runs-0010.lray", "run-x.lray"};
	struct world w;

	(void)state;
	world_init(&w, "run.lray");
	touch(&w, "run-0003.lray");
	touch(&w, "run-0005.lray");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		touch(&w, others[i]);
	start(&w, true, 0, 2);
	target(&w);
	record_files__rotate(w.f);
	record_files__rotate(w.f);
	end(&w, NULL);
	world_end(&w, "run-0007.lray.tmp run-0009.lray run-0009.txt run-0010.lray run-8.lray "
		      "run-x.lray runs-0010.lray ");
}

/* The one before is deleted though it was ended just now. */
static void test_keep_one(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, "run");
	start(&w, true, 0, 1);
	target(&w);
	for (int i = 0; i < 5; i++)
		record_files__rotate(w.f);
	end(&w, NULL);
	world_end(&w, "run-0006 ");
}

static void test_size(void **state)
{
	struct record_files_stats stats;
	uint64_t ts = 0;
	struct world w;

	(void)state;
	world_init(&w, "run.lray");
	start(&w, true, 300000, 0);
	target(&w);
	do {
		ts++;
		assert_int_equal(request(&w, ts * 1000000, ts), 0);
		record_files__stats(w.f, &stats);
	} while (stats.files < 3 && ts < 1000000);
	end(&w, &stats);
	assert_int_equal(stats.files, 3);
	assert_int_equal(stats.requests, ts);
	assert_true(stats.bytes > 600000);
	/* Open requests without a response: all are in flight, and known to the last file. */
	assert_int_equal(read_back(&w, "run-0003.lray").before,
			 read_back(&w, "run-0001.lray").heads +
				 read_back(&w, "run-0002.lray").heads);
	world_end(&w, "run-0001.lray run-0002.lray run-0003.lray ");
}

/* The first file is needed; a later one is not: the recording goes on where it is. */
static void test_errors(void **state)
{
	char moved[128];
	struct record_files_stats stats;
	struct world w;

	(void)state;
	log_set_level(LOG_QUIET);
	world_init(&w, "no/run.lray");
	start(&w, true, 0, 0);
	assert_int_equal(request(&w, 10, 1), -ENOENT);
	assert_int_equal(request(&w, 11, 1), -ENOENT);
	assert_int_equal(record_files__close(w.f, true, NULL), -ENOENT);
	world_end(&w, "");

	world_init(&w, "run.lray");
	start(&w, true, 0, 0);
	target(&w);
	snprintf(moved, sizeof(moved), "%s.moved", w.dir);
	assert_int_equal(rename(w.dir, moved), 0);
	record_files__rotate(w.f);
	assert_int_equal(request(&w, 10, 1), 0);
	assert_int_equal(rename(moved, w.dir), 0);
	record_files__rotate(w.f);
	end(&w, &stats);
	assert_int_equal(stats.files, 2);
	assert_int_equal(read_back(&w, "run-0001.lray").heads, 1);
	world_end(&w, "run-0001.lray run-0002.lray ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_file), cmocka_unit_test(test_no_event_no_file),
		cmocka_unit_test(test_signal),	 cmocka_unit_test(test_numbers_and_keep),
		cmocka_unit_test(test_keep_one), cmocka_unit_test(test_size),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
