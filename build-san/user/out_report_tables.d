build-san/user/out_report_tables.o: user/out_report_tables.c \
 user/out_report_parts.h user/model.h user/flow_context.h \
 user/flow_event.h user/flow_latency.h user/flow_request.h user/out.h \
 user/out_text.h user/util.h
user/out_report_parts.h:
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
user/out.h:
user/out_text.h:
user/util.h:
