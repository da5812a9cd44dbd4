-- Undoes 0010_platform. Policies, triggers and indexes go with their tables.

DROP TABLE posts;

DROP FUNCTION create_reminders_from_schedules(timestamptz);
DROP FUNCTION emit_notification_event(uuid, text, jsonb, timestamptz);
DROP TABLE notifications_outbox;
DROP TABLE reminders;
DROP TABLE schedules;

DROP FUNCTION generate_signed_url(text, integer);
DROP TABLE attachments;
DROP TABLE records;
DROP TABLE record_types;

ALTER TABLE invites
  ALTER COLUMN token DROP DEFAULT;

DROP FUNCTION cleanup_expired_invites();
DROP FUNCTION generate_invite_token();

DROP FUNCTION cleanup_expired_rate_limits();
DROP FUNCTION check_rate_limit_bucket(text, integer, integer, uuid);
DROP FUNCTION get_or_create_rate_limit_bucket(text, integer, uuid);
DROP TABLE rate_limits;

DROP FUNCTION cleanup_expired_idempotency_keys();
DROP TABLE idempotency_keys;

DROP FUNCTION get_audit_stats(uuid, timestamptz, timestamptz);
DROP TABLE audit_logs;
DROP FUNCTION prevent_audit_log_modification();
