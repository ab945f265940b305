build-san/user/out_report_text.o: user/out_report_text.c \
 user/out_report.h user/model.h user/flow_context.h user/flow_event.h \
 user/flow_latency.h user/flow_request.h user/out.h \
 user/out_report_parts.h user/out_text.h user/util.h
user/out_report.h:
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
user/out.h:
user/out_report_parts.h:
user/out_text.h:
user/util.h:
