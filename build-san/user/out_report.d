build-san/user/out_report.o: user/out_report.c user/out_report.h \
 user/model.h user/flow_context.h user/flow_event.h user/flow_latency.h \
 user/flow_request.h user/out.h user/out_report_parts.h
user/out_report.h:
user/model.h:
user/flow_context.h:
user/flow_event.h:
user/flow_latency.h:
user/flow_request.h:
user/out.h:
user/out_report_parts.h:
