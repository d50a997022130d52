/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon says about itself, on standard error: one line a message. */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

/* log_start() - find out whether standard error is the journal, which takes priorities. */
void log_start(void);

/* log_to_journal() - is standard error the journal's? Then the service manager started us. */
int log_to_journal(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* DAEMON_LOG_H */
