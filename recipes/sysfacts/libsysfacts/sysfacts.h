/* Facts about the running system, read from /etc/os-release and /proc. */
#ifndef SYSFACTS_H
#define SYSFACTS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Copies the value of `key` in /etc/os-release, without quotes, to `value`. Returns 0, or -1 when there is none. */
int sysfacts_os_release(const char *key, char *value, size_t size);

/* Seconds since the system started, or -1. */
double sysfacts_uptime(void);

/* Bytes of memory that a new program could use, or -1. */
long long sysfacts_memory_available(void);

#ifdef __cplusplus
}
#endif
#endif
