/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The report as one HTML page, to be mailed, kept and printed: it refers to nothing outside of
 * it, reads without its script, and whatever a capture holds is text in it.
 */
#ifndef LOOPRAY_OUT_HTML_H
#define LOOPRAY_OUT_HTML_H

#include "out.h"

extern const struct out_format out_html_format;

#endif
