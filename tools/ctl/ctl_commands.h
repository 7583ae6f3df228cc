/* The commands, each in the file of its subject. */
#ifndef TOOLS_CTL_CTL_COMMANDS_H
#define TOOLS_CTL_CTL_COMMANDS_H

#include <stdbool.h>

#include "tools/ctl/ctl_exit.h"
#include "tools/ctl/ctl_run.h"

enum ctl_exit ctl_topics(struct ctl *c);
enum ctl_exit ctl_topic(struct ctl *c);
enum ctl_exit ctl_presence(struct ctl *c);
enum ctl_exit ctl_tail(struct ctl *c);
enum ctl_exit ctl_history(struct ctl *c);
enum ctl_exit ctl_publish_check(const struct ctl *c);
enum ctl_exit ctl_publish(struct ctl *c);
enum ctl_exit ctl_clients_check(const struct ctl *c);
enum ctl_exit ctl_clients(struct ctl *c);
enum ctl_exit ctl_stats(struct ctl *c);
enum ctl_exit ctl_kick_check(const struct ctl *c);
enum ctl_exit ctl_kick(struct ctl *c);
enum ctl_exit ctl_purge_check(const struct ctl *c);
enum ctl_exit ctl_purge(struct ctl *c);
enum ctl_exit ctl_trim(struct ctl *c);
enum ctl_exit ctl_backup(struct ctl *c);
bool ctl_restore_offline(const struct ctl *c);
enum ctl_exit ctl_restore(struct ctl *c);
bool ctl_verify_offline(const struct ctl *c);
enum ctl_exit ctl_verify(struct ctl *c);
enum ctl_exit ctl_export_check(const struct ctl *c);
enum ctl_exit ctl_export(struct ctl *c);
enum ctl_exit ctl_import(struct ctl *c);
enum ctl_exit ctl_doctor_check(const struct ctl *c);
bool ctl_doctor_offline(const struct ctl *c);
enum ctl_exit ctl_doctor(struct ctl *c);
enum ctl_exit ctl_revoke_check(const struct ctl *c);
enum ctl_exit ctl_revoke(struct ctl *c);
enum ctl_exit ctl_tls(struct ctl *c);
enum ctl_exit ctl_hooks(struct ctl *c);
enum ctl_exit ctl_access_check(const struct ctl *c);
enum ctl_exit ctl_access(struct ctl *c);
enum ctl_exit ctl_token_check(const struct ctl *c);
bool ctl_token_offline(const struct ctl *c);
enum ctl_exit ctl_token(struct ctl *c);
enum ctl_exit ctl_ping(struct ctl *c);
enum ctl_exit ctl_top_check(const struct ctl *c);
enum ctl_exit ctl_top(struct ctl *c);

#endif
