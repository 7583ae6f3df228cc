# `longwirectl doctor`: what it does over HTTP; included by ../local.mk.
libctl_a_SOURCES += \
	tools/doctor/doctor.h \
	tools/doctor/doctor_hold.c \
	tools/doctor/doctor_link.c \
	tools/doctor/doctor_pass.c \
	tools/doctor/doctor_report.c \
	tools/doctor/doctor_tls.c \
	tools/doctor/doctor_url.c
