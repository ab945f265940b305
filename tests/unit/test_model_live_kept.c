// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The requests that a dashboard keeps: which, with what, for how long and in how much memory. */
#include <malloc.h>
#include <time.h>

#include "live_test.h"

static struct flow_call call(const struct flow_req *q, uint64_t start_ns, const char *path)
{
	struct flow_call c = {.pid = q->pid,
			      .kind = CALL_HTTP,
			      .request = {q->pid, q->env, q->seq, q->conn},
			      .start_ns = start_ns};

	snprintf(c.path, sizeof(c.path), "%s", path);
	return c;
}

static void late_call(const struct flow_req *q, uint64_t start_ns, const char *path)
{
	const struct flow_call c = call(q, start_ns, path);

	assert_int_equal(live_format.call(live, &c), 0);
}

static void job(const struct flow_req *q, uint64_t submit_ns)
{
	const struct flow_job j = {.pid = q->pid,
				   .kind = LR_JOB_FS,
				   .by = CALL_BY_STORE,
				   .request = {q->pid, q->env, q->seq, q->conn},
				   .submit_ns = submit_ns};

	assert_int_equal(live_format.job(live, &j), 0);
}

static void resource(const struct flow_req *q, int64_t id, uint64_t init_ns)
{
	const struct flow_resource r = {.pid = q->pid,
					.env = q->env,
					.async_id = id,
					.trigger_id = 1,
					.type = "TCPWRAP",
					.init_ns = init_ns,
					.destroy_ns = init_ns + MS,
					.request_seq = q->seq,
					.conn = q->conn};

	assert_int_equal(live_format.resource(live, &r), 0);
}

static void all_of_a_request_is_kept(void **state)
{
	struct flow_req q = request("/users/:id", BEGIN + 50 * MS, 40 * MS);
	const struct flow_call a = call(&q, BEGIN + 12 * MS, "/a"),
			       b = call(&q, BEGIN + 20 * MS, "/b");
	const struct flow_call *const calls[] = {&a, &b};
	const struct flow_finding finding = {.kind = FINDING_LOST, .instance = 3};
	const struct flow_kept kept = {
		.trace = {.known = true, .flags = 1, .trace_id = {0xab}, .span_id = {0xcd}},
		.n = 1,
		.header = {{"x-request-id", "r-1"}}};
	const struct live_request *r;
	struct live_view *v;

	(void)state;
	tick(BEGIN);
	/* What comes before its end is held until then. */
	job(&q, BEGIN + 30 * MS);
	job(&q, BEGIN + 15 * MS);
	resource(&q, 7, BEGIN + 11 * MS);
	q.path = "/users/17";
	q.calls = calls;
	q.ncalls = 2;
	q.findings = &finding;
	q.nfindings = 1;
	q.kept = &kept;
	end(q);
	v = view(BEGIN + SEC);
	assert_int_equal(v->nrecent, 1);
	r = v->recent[0];
	assert_ptr_equal(r, live_view__request(v, 1));
	assert_string_equal(r->on.method, "GET");
	assert_string_equal(r->on.path, "/users/17");
	assert_string_equal(r->route, "/users/:id");
	assert_null(r->on.req.calls);
	assert_null(r->on.req.path);
	assert_int_equal(r->ncalls, 2);
	assert_string_equal(r->calls[1].path, "/b");
	assert_int_equal(r->njobs, 2);
	assert_int_equal(r->jobs[0].submit_ns, BEGIN + 15 * MS);
	assert_int_equal(r->nresources, 1);
	assert_string_equal(r->resources[0].type, "TCPWRAP");
	assert_int_equal(r->resources[0].async_id, 7);
	assert_int_equal(r->nfindings, 1);
	assert_int_equal(r->findings[0].instance, 3);
	assert_int_equal(r->nheaders, 1);
	assert_string_equal(r->header[0].name, "x-request-id");
	assert_string_equal(r->header[0].value, "r-1");
	assert_string_equal(r->traceparent,
			    "00-ab000000000000000000000000000000-cd00000000000000-01");
	assert_int_equal(r->not_kept, 0);
	live_view__free(v);
}

static void what_comes_late_is_attached_to_a_copy(void **state)
{
	struct flow_req q = request("/a", BEGIN + 50 * MS, 40 * MS);
	struct live_view *before, *after;

	(void)state;
	tick(BEGIN);
	job(&q, BEGIN + 15 * MS);
	end(q);
	before = view(BEGIN + SEC);
	late_call(&q, BEGIN + 60 * MS, "/late");
	late_call(&q, BEGIN + 20 * MS, "/outlived");
	job(&q, BEGIN + 12 * MS);
	resource(&q, 7, BEGIN + 11 * MS);
	after = view(BEGIN + SEC);
	assert_int_equal(before->recent[0]->ncalls, 0);
	assert_int_equal(before->recent[0]->njobs, 1);
	assert_int_equal(after->recent[0]->number, 1);
	assert_int_equal(after->recent[0]->ncalls, 2);
	assert_string_equal(after->recent[0]->calls[0].path, "/outlived");
	assert_int_equal(after->recent[0]->njobs, 2);
	assert_int_equal(after->recent[0]->jobs[0].submit_ns, BEGIN + 12 * MS);
	assert_int_equal(after->recent[0]->nresources, 1);
	live_view__free(before);
	/* Nobody but the collector has it now, and it goes on from there. */
	for (int i = 0; i < 100; i++)
		late_call(&q, BEGIN + 100 * MS + (uint64_t)i, "/many");
	assert_int_equal(after->recent[0]->ncalls, 2);
	before = after;
	after = view(BEGIN + SEC);
	assert_int_equal(after->recent[0]->ncalls, LIVE_OF_REQUEST);
	assert_int_equal(after->recent[0]->not_kept, 102 - LIVE_OF_REQUEST);
	live_view__free(before);
	live_view__free(after);
}

static void what_is_nobodys_is_dropped(void **state)
{
	struct flow_req q = request("/a", BEGIN + 50 * MS, 40 * MS);
	uint64_t memory;

	(void)state;
	tick(BEGIN);
	memory = live__memory(live);
	q.seq = 0;
	late_call(&q, BEGIN, "/nobody");
	resource(&q, 1, BEGIN);
	assert_int_equal(live__memory(live), memory);
	assert_int_equal(live->held_index.count, 0);
}

static bool not_in_progress(void *ctx, const struct flow_req_ref *ref)
{
	(void)ctx;
	(void)ref;
	return false;
}

static void what_is_of_requests_that_are_gone_is_not_held(void **state)
{
	const struct flow_req q = request("/a", BEGIN + 50 * MS, 40 * MS);

	(void)state;
	live->source.in_progress = not_in_progress;
	job(&q, BEGIN);
	assert_int_equal(live->held_index.count, 0);
}

static void an_open_view_does_not_change(void **state)
{
	struct live_request *copies[32];
	struct live_view *v;

	(void)state;
	tick(BEGIN);
	for (uint64_t i = 0; i < 32; i++)
		end(request("/a", BEGIN + i * MS, MS));
	v = view(BEGIN + SEC);
	for (size_t i = 0; i < 32; i++) {
		copies[i] = malloc(v->recent[i]->bytes);
		memcpy(copies[i], v->recent[i], v->recent[i]->bytes);
	}
	for (uint64_t i = 0; i < 2ULL * LIVE_RECENT; i++) {
		const struct flow_req q = request("/b", BEGIN + 2 *SEC + i, MS);

		job(&q, BEGIN + 2 *SEC + i);
		end(q);
	}
	for (size_t i = 0; i < 32; i++) {
		copies[i]->refs = v->recent[i]->refs;
		assert_memory_equal(copies[i], v->recent[i], copies[i]->bytes);
		assert_int_equal(live_view__request(v, 32 - i)->number, 32 - i);
		free(copies[i]);
	}
	assert_int_equal(v->steps[0].requests, 32);
	assert_int_equal(v->nsteps, 2);
	/* It outlives the collector. */
	live__free(live);
	live = NULL;
	assert_string_equal(v->recent[0]->route, "/a");
	live_view__free(v);
}

static bool has(const struct live_view *v, uint64_t number)
{
	const struct live_request *r = live_view__request(v, number);

	assert_true(!r || r->number == number);
	return r;
}

static void those_with_findings_and_the_slowest_stay(void **state)
{
	const struct flow_finding finding = {.kind = FINDING_FOREIGN};
	const uint64_t n = 3ULL * LIVE_RECENT;
	size_t slow = 0, found = 0, plain = 0;
	struct live_view *v;

	(void)state;
	tick(BEGIN);
	/* Every tenth of the first thousand has a finding, the ninth is slow. */
	for (uint64_t i = 1; i <= n; i++) {
		struct flow_req q = request("/a", BEGIN + i * MS,
					    i <= 1000 && i % 10 == 9 ? SEC + i : MS + i % 7);

		q.findings = &finding;
		q.nfindings = i <= 1000 && i % 10 == 0;
		end(q);
	}
	v = view(BEGIN + n * MS);
	assert_int_equal(v->nrecent, LIVE_RECENT);
	assert_int_equal(v->recent_gone, n - LIVE_RECENT);
	for (uint64_t i = 1; i <= 1000; i++) {
		found += i % 10 == 0 && has(v, i);
		slow += i % 10 == 9 && has(v, i);
		plain += i % 10 && i % 10 != 9 && has(v, i);
	}
	assert_int_equal(found, 100);
	assert_int_equal(slow, 100);
	assert_true(plain <= LIVE_ELDERS - 100); /* the rest of the room for the slowest */
	for (size_t i = 1; i < v->nrecent; i++)
		assert_true(v->recent[i]->number < v->recent[i - 1]->number);
	/* The newest are there without a hole. */
	for (uint64_t i = 0; i < LIVE_RECENT - LIVE_ELDERS - 100; i++)
		assert_int_equal(v->recent[i]->number, n - i);
	live_view__free(v);
}

static void findings_keep_no_more_than_their_share(void **state)
{
	const struct flow_finding finding = {.kind = FINDING_FOREIGN};
	struct live_view *v;
	size_t slow = 0;

	(void)state;
	tick(BEGIN);
	for (uint64_t i = 1; i <= 3ULL * LIVE_RECENT; i++) {
		struct flow_req q = request("/a", BEGIN + i * MS, i == 5 ? SEC : MS);

		q.findings = &finding;
		q.nfindings = i % 2 == 0;
		end(q);
	}
	v = view(BEGIN + SEC);
	assert_true(live->kept.nfound <= LIVE_ELDERS && live->kept.nslow <= LIVE_ELDERS);
	assert_true(live->kept.found_bytes <= LIVE_MEMORY_MAX / LIVE_SHARE);
	assert_true(has(v, 5));
	assert_true(!has(v, 2)); /* newer ones with findings have taken its place */
	for (size_t i = 0; i < v->nrecent; i++)
		slow += v->recent[i]->number == 5;
	assert_int_equal(slow, 1);
	live_view__free(v);
}

/* What malloc has given out. */
static uint64_t in_use(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* Each with as much as is kept of one, so that memory is what bounds them. */
static void memory_is_bounded_under_a_flood_of_large_requests(void **state)
{
	static struct flow_call calls[LIVE_OF_REQUEST];
	static const struct flow_call *pointers[LIVE_OF_REQUEST];
	const uint64_t before = in_use();
	uint64_t most = 0;

	(void)state;
	for (size_t i = 0; i < LIVE_OF_REQUEST; i++)
		pointers[i] = &calls[i];
	tick(BEGIN);
	for (uint64_t i = 0; i < 20000; i++) {
		struct flow_req q = request("/a", BEGIN + i * MS, MS + hash_u64(i) % MS);

		for (int k = 0; k < 40 && i % 2; k++)
			job(&q, BEGIN + i * MS);
		q.calls = pointers;
		q.ncalls = LIVE_OF_REQUEST;
		end(q);
		assert_true(live__memory(live) <= LIVE_MEMORY_MAX);
		if (i % 1000 == 0)
			most = max_t(uint64_t, most, in_use() - before);
	}
	assert_true(live->kept.count + live->kept.nslow < LIVE_RECENT);
	assert_true(live->kept.count > 100);
	print_message("%lu requests kept in %lu kB, malloc says %lu kB\n",
		      (unsigned long)(live->kept.count + live->kept.nslow),
		      (unsigned long)live__memory(live) / 1024, (unsigned long)most / 1024);
#ifndef __SANITIZE_ADDRESS__
	/* Beside the requests: tables, routes, loops. */
	assert_true(most < LIVE_MEMORY_MAX + (8u << 20));
#endif
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec *SEC + (uint64_t)t.tv_nsec;
}

/* A million small ones, with a job each, at ten thousand a second; a view each second. */
static void a_million_requests_cost_little(void **state)
{
	const uint64_t n = 1000000;
	const uint64_t before = in_use();
	uint64_t start, spent = 0, views = 0, longest = 0, took;
	struct live_view *v;
	char route[32];

	(void)state;
	tick(BEGIN);
	start = cpu_ns();
	for (uint64_t i = 0; i < n; i++) {
		struct flow_req q;

		snprintf(route, sizeof(route), "/route/%d", (int)(hash_u64(i) % 200));
		q = request(route, BEGIN + i * 100000, MS + hash_u64(i) % (30 * MS));
		job(&q, q.start_ns);
		end(q);
		if (i % 10000)
			continue;
		spent += cpu_ns() - start;
		start = cpu_ns();
		v = view(BEGIN + i * 100000);
		took = cpu_ns() - start;
		live_view__free(v);
		views += took;
		longest = max_t(uint64_t, longest, took);
		start = cpu_ns();
	}
	print_message("%.2f us a request with its job, %.2f ms a view (%.2f at most), %lu kB\n",
		      (double)spent / (double)n / 1e3, (double)views / (double)n / 100,
		      (double)longest / 1e6, (unsigned long)(in_use() - before) / 1024);
	assert_int_equal(live->kept.number, n);
	assert_true(live__memory(live) <= LIVE_MEMORY_MAX);
	assert_int_equal(live->held_index.count, 0);
}

/* Jobs of requests that do not end. */
static void what_is_held_is_bounded(void **state)
{
	struct flow_req first = request("/a", BEGIN, 0), last = first;
	struct live_view *v;

	(void)state;
	tick(BEGIN);
	for (uint64_t i = 0; i < 2ULL * LIVE_ITEMS; i++) {
		if (i % 30 == 0 && i)
			last = request("/a", BEGIN, 0);
		job(&last, BEGIN + i);
	}
	assert_true(live->item_pool.used <= LIVE_ITEMS);
	last.end_ns = first.end_ns = BEGIN + SEC;
	end(first);
	end(last);
	v = view(BEGIN + SEC);
	assert_int_equal(v->recent[1]->njobs, 0);
	assert_int_equal(v->recent[1]->not_kept, 30);
	assert_int_equal(v->recent[0]->njobs + v->recent[0]->not_kept, 2ULL * LIVE_ITEMS % 30);
	assert_int_equal(v->recent[0]->njobs, 2ULL * LIVE_ITEMS % 30);
	live_view__free(v);
	/* Too many of one are its own loss. */
	last = request("/a", BEGIN, 0);
	for (uint64_t i = 0; i < 100; i++)
		job(&last, BEGIN + i);
	end(last);
	v = view(BEGIN + SEC);
	assert_int_equal(v->recent[0]->njobs, LIVE_OF_REQUEST);
	assert_int_equal(v->recent[0]->not_kept, 100 - LIVE_OF_REQUEST);
	live_view__free(v);
}

/* The same, behind a pipeline. */
static struct pipeline *p;

static int pipeline_setup(void **state)
{
	struct pipeline_opts opts = {.format = &live_format};

	if (live_setup(state))
		return -1;
	opts.format_state = live;
	if (pipeline__new(&p, &opts))
		return -1;
	live__follow(live, p);
	return 0;
}

static int pipeline_teardown(void **state)
{
	pipeline__free(p);
	return live_teardown(state);
}

static void feed(struct flow_event ev)
{
	ev.pid = ev.tid = PID;
	assert_int_equal(pipeline__event(p, &ev), 0);
}

static void head(uint64_t conn, uint64_t ts, const char *path)
{
	feed((struct flow_event){.type = FE_CONN,
				 .ts = ts,
				 .conn = {.conn = conn, .family = LR_AF_INET, .seen_open = true}});
	feed((struct flow_event){.type = FE_IN,
				 .ts = ts,
				 .io = {.conn = conn,
					.arrival_ns = ts,
					.bytes = 80,
					.flags = FE_F_HEAD | FE_F_END,
					.method = FM_GET,
					.version = 11,
					.method_name = {"GET", 3},
					.path = {path, (uint32_t)strlen(path)}}});
}

static void answer(uint64_t conn, uint64_t ts)
{
	feed((struct flow_event){
		.type = FE_OUT,
		.ts = ts,
		.io = {.conn = conn, .bytes = 100, .flags = FE_F_HEAD | FE_F_END, .status = 200}});
}

static struct live_view *whole_view(uint64_t now)
{
	const struct model_view of = {.end_ns = now};
	struct live_view *v;
	struct model *m;

	assert_int_equal(pipeline__model(p, &of, &m), 0);
	assert_int_equal(live__view(live, p, m, now, &v), 0);
	return v;
}

static void requests_in_flight_are_in_the_view(void **state)
{
	struct live_view *v;

	(void)state;
	head(1, BEGIN, "/slow/1");
	head(2, BEGIN + SEC, "/users/2");
	head(3, BEGIN + SEC + MS, "/users/3");
	answer(2, BEGIN + SEC + 20 * MS);
	v = whole_view(BEGIN + 3 *SEC);
	assert_int_equal(v->nin_flight, 2);
	assert_string_equal(v->in_flight[0]->on.path, "/slow/1");
	assert_int_equal(v->in_flight[0]->age_ns, 3 *SEC);
	assert_int_equal(v->in_flight[0]->number, 0);
	assert_int_equal(v->in_flight[0]->on.req.end, REQ_IN_FLIGHT);
	assert_string_equal(v->in_flight[1]->on.path, "/users/3");
	assert_int_equal(v->m->in_flight, 2);
	assert_int_equal(v->nrecent, 1);
	assert_string_equal(v->recent[0]->on.path, "/users/2");
	assert_int_equal(v->steps[0].in_flight, 1);
	assert_int_equal(v->steps[1].in_flight, 2);
	assert_int_equal(v->routes[0].latency.count, 1);
	assert_int_equal(v->routes[0].total.count, 1);
	answer(1, BEGIN + 4 *SEC);
	assert_int_equal(v->nin_flight, 2);
	live_view__free(v);
	v = whole_view(BEGIN + 4 *SEC);
	assert_int_equal(v->nin_flight, 1);
	assert_int_equal(v->nrecent, 2);
	live_view__free(v);
}

static void send(uint64_t conn, uint64_t work, uint64_t ts)
{
	feed((struct flow_event){.type = FE_PEER,
				 .ts = ts,
				 .peer = {.conn = conn, .family = LR_AF_INET, .peer_port = 6379}});
	feed((struct flow_event){
		.type = FE_CLIENT,
		.ts = ts,
		.client = {.conn = conn, .op = LR_CLIENT_SEND, .bytes = 30, .work = work}});
}

static void what_they_wait_for_is_with_them(void **state)
{
	const struct live_request *r;
	struct live_view *v;

	(void)state;
	head(1, BEGIN, "/slow/1");
	send(50, 1, BEGIN + MS);
	feed((struct flow_event){.type = FE_JOB,
				 .ts = BEGIN + 2 * MS,
				 .job = {.job = 7,
					 .op = LR_JOB_SUBMIT,
					 .kind = LR_JOB_FS,
					 .work = 1,
					 .submit_ns = BEGIN + 2 * MS}});
	head(2, BEGIN + SEC, "/users/2");
	send(51, 2, BEGIN + SEC + MS);
	answer(2, BEGIN + SEC + 2 * MS);
	v = whole_view(BEGIN + 3 *SEC);
	assert_int_equal(v->nin_flight, 1);
	r = v->in_flight[0];
	assert_int_equal(r->ncalls, 1);
	assert_int_equal(r->calls[0].kind, CALL_REDIS);
	assert_int_equal(r->calls[0].conn, 50);
	assert_int_equal(r->calls[0].end_ns, 0);
	assert_int_equal(r->njobs, 1);
	assert_int_equal(r->jobs[0].kind, LR_JOB_FS);
	assert_int_equal(r->jobs[0].callback_ns, 0);
	/* Held by nobody but the view: it is the same once more. */
	live_view__free(v);
	v = whole_view(BEGIN + 4 *SEC);
	assert_int_equal(v->in_flight[0]->ncalls, 1);
	assert_int_equal(v->in_flight[0]->njobs, 1);
	live_view__free(v);
}

static void of_very_many_in_flight_the_oldest_are_told(void **state)
{
	struct live_view *v;

	(void)state;
	for (uint64_t i = 0; i < 3ULL * LIVE_IN_FLIGHT; i++)
		head(i + 1, BEGIN + hash_u64(i) % SEC, "/a");
	v = whole_view(BEGIN + SEC);
	assert_int_equal(v->nin_flight, LIVE_IN_FLIGHT);
	assert_int_equal(v->m->in_flight, 3ULL * LIVE_IN_FLIGHT);
	for (size_t i = 1; i < v->nin_flight; i++)
		assert_true(v->in_flight[i]->on.req.start_ns >=
			    v->in_flight[i - 1]->on.req.start_ns);
	/* A third of them came in the first third of the second. */
	assert_near((double)(v->in_flight[LIVE_IN_FLIGHT - 1]->on.req.start_ns - BEGIN),
		    (double)SEC / 3, 0.1);
	live_view__free(v);
}

static void the_same_events_give_the_same_view(void **state)
{
	struct live_view *v[2];

	for (int i = 0; i < 2; i++) {
		if (i) {
			pipeline_teardown(state);
			assert_int_equal(pipeline_setup(state), 0);
		}
		for (uint64_t k = 0; k < 2000; k++) {
			head(1 + k % 7, BEGIN + k * 5 * MS, "/a");
			answer(1 + k % 7, BEGIN + k * 5 * MS + MS);
			if (i && k % 100 == 0) /* looking does not change it */
				live_view__free(whole_view(BEGIN + k * 5 * MS + MS));
		}
		v[i] = whole_view(BEGIN + 11 *SEC);
	}
	assert_int_equal(v[0]->nsteps, v[1]->nsteps);
	assert_memory_equal(v[0]->steps, v[1]->steps, v[0]->nsteps * sizeof(v[0]->steps[0]));
	assert_memory_equal(v[0]->routes, v[1]->routes, v[0]->nroutes * sizeof(v[0]->routes[0]));
	live_view__free(v[0]);
	live_view__free(v[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define LIVE(f)	    cmocka_unit_test_setup_teardown(f, live_setup, live_teardown)
#define PIPELINE(f) cmocka_unit_test_setup_teardown(f, pipeline_setup, pipeline_teardown)
		LIVE(all_of_a_request_is_kept),
		LIVE(what_comes_late_is_attached_to_a_copy),
		LIVE(what_is_nobodys_is_dropped),
		LIVE(what_is_of_requests_that_are_gone_is_not_held),
		LIVE(an_open_view_does_not_change),
		LIVE(those_with_findings_and_the_slowest_stay),
		LIVE(findings_keep_no_more_than_their_share),
		LIVE(memory_is_bounded_under_a_flood_of_large_requests),
		LIVE(a_million_requests_cost_little),
		LIVE(what_is_held_is_bounded),
		PIPELINE(requests_in_flight_are_in_the_view),
		PIPELINE(what_they_wait_for_is_with_them),
		PIPELINE(of_very_many_in_flight_the_oldest_are_told),
		PIPELINE(the_same_events_give_the_same_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
