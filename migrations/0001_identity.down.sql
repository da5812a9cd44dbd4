-- Undoes 0001_identity: an empty schema is left.

DROP TABLE user_preferences;
DROP TABLE llm_models;
DROP TABLE oauth_clients;
DROP TABLE users;

DROP FUNCTION set_updated_at();
