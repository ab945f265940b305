/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The report: one model, printed for people (text) or programs (loopray.report/1). */
#ifndef LOOPRAY_OUT_REPORT_H
#define LOOPRAY_OUT_REPORT_H

#include "model.h"
#include "out.h"

extern const struct out_format out_report_text_format;
extern const struct out_format out_report_json_format;

/* Both formats read the model only, so they can also be printed in one call. 0 or -errno. */
int out_report__text(struct out_file *f, const struct model *m, const struct out_opts *opts);
int out_report__json(struct out_file *f, const struct model *m, const struct out_opts *opts);

#define REPORT_NOTES 16
#define REPORT_NOTE  240

/*
 * What a reader must know to judge the figures: what is missing in them and why. One
 * sentence each. Returns how many.
 */
size_t report_notes(const struct model *m, char notes[REPORT_NOTES][REPORT_NOTE]);

#endif
