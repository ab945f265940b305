/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the session_ files only. */
#ifndef LOOPRAY_SESSION_IMPL_H
#define LOOPRAY_SESSION_IMPL_H

#include "flow_decode.h"
#include "flow_ring.h"
#include "kern.h"
#include "session.h"
#include "target_layout.h"
#include "target_memory.h"
#include "target_process.h"

#define SESSION_MAX_TARGETS 256
#define SESSION_MAX_THREADS 1024
#define SESSION_MAX_ENVS    256
#define SESSION_MAX_PENDING 256
#define SESSION_AGAIN	    16
#define SESSION_TYPES	    32

/* A process that was started and may turn out to be Node.js. */
struct session_pending {
	pid_t pid;
	uint64_t next_ns; /* when to look at it */
	uint32_t looks;
	struct session_target *target; /* its runtime, once it was found; NULL until then */
	bool adopted;		       /* the session has @target already */
	bool observed;		       /* and it can be read */
};

/* A target that ended, and may be started again. */
struct session_again {
	pid_t parent;
	uint64_t since_ns;
	uint64_t next_ns; /* when to look */
	size_t args_len;
	char args[TARGET_ARGS_MAX];
};

struct session_target {
	struct target_process *proc;
	struct target_elf *elf;
	struct target_layout decoded; /* of the binary */
	struct target_layout layout;  /* bound to the process */
	struct target_env envs[SESSION_MAX_ENVS];
	int nenvs;
	const char *context;
	struct lr_process_config config; /* as told to the kernel */
	bool probed;			 /* its image */
	bool starting; /* attached to, but not seen to hold what its layout says yet */
	bool ended;
	struct target_memory *memory; /* for pulses; NULL until the first */
	struct session_pulse *pulse;
};

struct session {
	const struct session_opts *opts;
	struct session_result *result;
	struct session_target *targets[SESSION_MAX_TARGETS];
	size_t ntargets, nalive;
	struct kern *kern;
	struct flow_ring *ring;
	struct flow_decode *decode;
	int ring_fd; /* of the kernel: readable when a process was started */
	int epoll, ring_timer, sample_timer, pulse_timer, end_timer, tick_timer, signals;
	uint64_t pulse_seed;
	bool stop;
	bool hurried; /* its priority is raised, from @nice */
	int nice;
	int status;
	uint64_t by_type[SESSION_TYPES];		     /* records read, by type */
	uint64_t stats[LR_STAT_COUNT];			     /* as last told to the sink */
	uint64_t coverage_ns;				     /* when probes were told of last */
	struct session_pending pending[SESSION_MAX_PENDING]; /* new processes to look at */
	size_t npending;
	struct session_again again[SESSION_AGAIN];
	size_t nagain;
	uint64_t began_ticks;		    /* since boot: when the session did */
	pid_t refused[SESSION_MAX_TARGETS]; /* of --all at the start: not looked at again */
	size_t nrefused;
};

/* session_target.c */
int session__open_targets(struct session *s); /* exit status */
int session_target__open(struct session_target **out, struct target_process *proc); /* owns @proc */
void session_target__free(struct session_target *t);
/*
 * Binds the layout and asks the process whether it is right, once; @wait says whether it may
 * take a while. 0, or -errno with a sentence in @why.
 */
int session_target__settle(struct session_target *t, bool wait, char *why, size_t why_len);
int session__adopt(struct session *s, struct session_target *t); /* owns @t; exit status */
/*
 * Places the probes, once; they tell nothing until session__attach_target. 0, or -errno with the
 * probe named in @why.
 */
int session__place_probes(struct session *s, struct session_target *t, char *why, size_t why_len);
int session__attach_target(struct session *s, struct session_target *t);
void session__tell_mechanism(struct session *s, struct session_target *t);

/* session_jobs.c: makes jobs of the thread pool seen, if that can be. 0, -ENOMEM or of the map. */
int session__follow_jobs(struct session *s, struct session_target *t);
void session__announce(struct session *s, struct session_target *t);
/* What it is called by those who run it. */
void session__tell_service(struct session *s, const struct session_target *t);
void session__target_ended(struct session *s, struct session_target *t);
/* Whether @ptr is one of the targets, and its process has ended. */
bool session__is_target(const struct session *s, const void *ptr);
void session__free_targets(struct session *s);

/* session_lines.c */
/* What the targets' standard output and error are, as KERN_LINES_*; 0: not to be looked at. */
uint32_t session__lines_wanted(const struct session *s);
/* Begins to look at them, once; a failure is said and leaves all else as it is. */
void session__attach_lines(struct session *s);

/* session_follow.c */
void session__note_process(struct session *s, const void *data, size_t len);
/* Looks at a process soon, as if the kernel had told of it. */
void session__pend(struct session *s, pid_t pid);
/* Whether @pid is a target that lives, is being looked at, or cannot be observed. */
bool session__knows(const struct session *s, pid_t pid);
void session__look_at_pending(struct session *s);
void session__hurry(struct session *s);
/* Until the next look is due; UINT64_MAX: none is. */
uint64_t session__pending_delay_ns(const struct session *s);
void session__free_pending(struct session *s);

/* session_all.c: begins to follow every process, and looks at Node.js that is not known yet. */
void session__follow_all(struct session *s);

/* session_again.c */
/* A target has ended: another may be started in its place. */
void session__expect_again(struct session *s, const struct session_target *t);
void session__look_for_again(struct session *s);
uint64_t session__ticks(void); /* since boot */

/* session_child.c: the program of `loopray run` */
/* Lets it execute, and looks at it from then on; exit status. */
int session__start_child(struct session *s);
void session__child_ended(struct session *s);
/* session_prepare.c: what it will run, as far as that can be guessed. */
void session__prepare(struct session *s);
/* Says so if nothing of what was started could be observed. */
void session__tell_unseen(const struct session *s);

/* session_sample.c */
/* What kind of loss each counter is; FLOW_LOSS_KINDS: none. */
extern const enum flow_loss_kind session_loss_kinds[LR_STAT_COUNT];

void session__sample(struct session *s);
void session__report_coverage(struct session *s);
/* Probes that could not be attached: what cannot be concluded without them is unknown. */
void session__report_missing(struct session *s);

/* session_pulse.c */
/* The pulse of each loop of a target; @forced: also of those that have slept since the last. */
void session__pulse(struct session *s, struct session_target *t, bool forced);
void session__pulse_all(struct session *s);
/* Until the next: random. */
uint64_t session__pulse_delay_ns(struct session *s);
void session__pulse_free(struct session_target *t);

int session__emit(struct session *s, const struct flow_event *ev);

#endif
