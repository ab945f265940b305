/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The commands. Each takes the parsed command line and returns an exit status
 * (enum exit_status of util.h). Results go to stdout, diagnostics to stderr.
 */
#ifndef LOOPRAY_CMD_H
#define LOOPRAY_CMD_H

struct options;

int cmd_ps(const struct options *opts);
int cmd_record(const struct options *opts);
int cmd_report(const struct options *opts);
int cmd_compare(const struct options *opts); /* report A B */
int cmd_export(const struct options *opts);
int cmd_doctor(const struct options *opts);
int cmd_logs(const struct options *opts);
int cmd_run(const struct options *opts);
int cmd_top(const struct options *opts);
int cmd_check(const struct options *opts);

#endif
