// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ui_view_parts.h"

const struct ui_view *const ui_views[] = {
	&ui_view_requests,
	&ui_view_routes,
	&ui_view_findings,
	&ui_view_resources,
	&ui_view_loop,
	&ui_view_agent,
	NULL,
};
